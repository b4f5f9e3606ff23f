/* See tools/trace_extcap.h. */
#include "tools/trace_extcap.h"

#include "tools/trace_export.h"
#include "tools/trace_live.h"

/* What Wireshark's dialog asks for: options of smpp-trace, which it gives back as they are called here. */
static const struct {
	const char *option;
	const char *type;
	const char *display;
	const char *more; /* sentences */
} fields[] = {
	{ "--socket", "string", "Tap socket of esmed",
	  "{default=" TRACE_TAP_SOCKET "}{tooltip=Who may open it may see what passes}" },
	{ "--link", "string", "Link",
	  "{tooltip=provider/link or a provider; all if nothing is here}" },
	{ "--text", "boolflag", "Texts", "{default=false}{tooltip=As they are; otherwise masked}" },
	{ "--numbers", "boolflag", "Numbers",
	  "{default=false}{tooltip=As they are; otherwise masked}" },
};

void trace_extcap_answer(enum trace_extcap question, struct buffer *out)
{
	switch (question) {
	case TRACE_EXTCAP_INTERFACES:
		buffer_text(out, "extcap {version=" ESMED_VERSION "}\n"
				 "interface {value=" TRACE_EXTCAP_NAME "}"
				 "{display=SMPP of the running esmed}\n");
		return;
	case TRACE_EXTCAP_DLTS:
		buffer_format(out, "dlt {number=%d}{name=WIRESHARK_UPPER_PDU}{display=SMPP}\n",
			      TRACE_EXPORT_LINK_TYPE);
		return;
	case TRACE_EXTCAP_CONFIG:
		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
			buffer_format(out, "arg {number=%zu}{call=%s}{type=%s}{display=%s}%s\n", i,
				      fields[i].option, fields[i].type, fields[i].display,
				      fields[i].more);
		return;
	case TRACE_EXTCAP_NOT:
	case TRACE_EXTCAP_FILTER:
	case TRACE_EXTCAP_CAPTURE:
		return;
	}
}
