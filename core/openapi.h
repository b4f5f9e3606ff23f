/*
 * core/openapi.json as it was at build time: the description of the submit socket's calls that
 * GET /api/v1/openapi.json answers with. The octets are made a C array by tools/embed.
 */
#ifndef CORE_OPENAPI_H
#define CORE_OPENAPI_H

#include <stddef.h>

extern const unsigned char openapi_json[];
extern const size_t openapi_json_octets;

#endif
