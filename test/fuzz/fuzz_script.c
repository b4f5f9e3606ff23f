/*
 * Fuzzes the language of smsc-sim's scripts: any text as steps. Those that can be read are rendered,
 * every PDU of them, and are whole PDUs unless they name their own length.
 */
#include <stdlib.h>

#include "tools/sim_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void render(const struct sim_step *step)
{
	static const struct smpp_pdu none;
	struct sim_subject subject = { .pdu = &none, .link = 1, .count = 2 };
	struct buffer out = { 0 };
	uint32_t length = 0;

	sim_pdu_render(&step->pdu, NULL, &subject, true, &out);
	if (out.n < SMPP_HEADER_OCTETS)
		abort();
	if (!sim_pdu_names(&step->pdu, "command_length") && out.n <= SMPP_MAX_PDU_OCTETS &&
	    (smpp_frame(out.octets, out.n, SMPP_MAX_PDU_OCTETS, &length) != SMPP_FRAME_OK ||
	     length != out.n))
		abort();
	buffer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sim_mistake mistake = { 0 };
	struct sim_script script = { 0 };

	if (sim_script_read_steps(&script, (const char *)data, size, &mistake)) {
		for (size_t i = 0; i < script.rules[0].step_count; i++)
			render(&script.rules[0].steps[i]);
	} else if (mistake.column == 0 || mistake.text[0] == '\0') {
		abort();
	}
	sim_script_release(&script);
	return 0;
}
