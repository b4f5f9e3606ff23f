/*
 * The public id of a message: BX-<order>-<16 hex digits>. The digits are a permutation of the
 * message's index under a secret of the store and the order's number, so an id needs no index, none can
 * be guessed, and a forged one is told from a real one: 48 of the 64 bits it hides are a pattern.
 */
#ifndef CORE_MESSAGE_ID_H
#define CORE_MESSAGE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

#define MESSAGE_ID_OCTETS 40 /* with the NUL */

void message_id_write(const struct store *store, uint64_t order, uint32_t index,
		      char out[MESSAGE_ID_OCTETS]);

/* True if the text has the form of an id, BX-digits-hex; one that is too large has it, too. */
bool message_id_shaped(const char *text);

/* False: it has not the form, or this store never gave it out. The order may not exist. */
bool message_id_read(const struct store *store, const char *text, uint64_t *order, uint32_t *index);

#endif
