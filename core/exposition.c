/* The text format of Prometheus. See exposition.h. */
#include "core/exposition.h"

#include <inttypes.h>
#include <stdio.h>

#define FIGURE_OCTETS 32

void exposition_head(struct buffer *out, const struct exposition_metric *metric)
{
	buffer_format(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
		      metric->type);
}

static void write_figure(struct exposition_figure figure, char text[FIGURE_OCTETS])
{
	int64_t scale = 1;
	uint64_t units = figure.units < 0 ? 0 - (uint64_t)figure.units : (uint64_t)figure.units;
	for (unsigned i = 0; i < figure.decimals; i++)
		scale *= 10;
	int n = snprintf(text, FIGURE_OCTETS, "%s%" PRIu64, figure.units < 0 ? "-" : "",
			 units / (uint64_t)scale);
	if (figure.decimals)
		snprintf(text + n, FIGURE_OCTETS - (size_t)n, ".%0*" PRIu64, (int)figure.decimals,
			 units % (uint64_t)scale);
}

static void put_value(struct buffer *out, const char *value)
{
	buffer_text(out, "\"");
	for (; *value; value++) {
		char octet[3] = { *value == '\n' ? 'n' : *value };
		if (*value == '\\' || *value == '"' || *value == '\n')
			buffer_text(out, "\\");
		buffer_text(out, octet);
	}
	buffer_text(out, "\"");
}

static void put(struct buffer *out, const struct exposition_metric *metric, const char *suffix,
		const char *const *values, const char *le, struct exposition_figure figure)
{
	char text[FIGURE_OCTETS];
	const char *between = "{";
	buffer_format(out, "%s%s", metric->name, suffix);
	for (unsigned i = 0; i < EXPOSITION_LABELS && metric->labels[i]; i++) {
		buffer_format(out, "%s%s=", between, metric->labels[i]);
		put_value(out, values[i]);
		between = ",";
	}
	if (le) {
		buffer_format(out, "%sle=\"%s\"", between, le);
		between = ",";
	}
	write_figure(figure, text);
	buffer_format(out, "%s %s\n", *between == ',' ? "}" : "", text);
}

void exposition_put(struct buffer *out, const struct exposition_metric *metric,
		    const char *const *values, struct exposition_figure figure)
{
	put(out, metric, "", values, NULL, figure);
}

void exposition_put_histogram(struct buffer *out, const struct exposition_metric *metric,
			      const char *const *values,
			      const struct exposition_histogram *histogram)
{
	uint64_t count = 0;
	char le[FIGURE_OCTETS];
	for (unsigned i = 0; i < histogram->n_bounds; i++) {
		count += histogram->n[i];
		write_figure(
			(struct exposition_figure){ histogram->bounds[i], histogram->decimals },
			le);
		put(out, metric, "_bucket", values, le, exposition_whole(count));
	}
	count += histogram->n[histogram->n_bounds];
	put(out, metric, "_bucket", values, "+Inf", exposition_whole(count));
	put(out, metric, "_sum", values, NULL,
	    (struct exposition_figure){ (int64_t)histogram->sum, histogram->decimals });
	put(out, metric, "_count", values, NULL, exposition_whole(count));
}
