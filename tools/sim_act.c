/* The steps of tools/sim_act.h. */
#include "tools/sim_act.h"

#include <stdlib.h>
#include <string.h>

#include "tools/sim_smsc.h"

/* ---- doing ---- */

/* Does the session number it, and hear its answer? Not what only a fault would send. */
static bool is_ordinary(const struct sim_link *link, const struct sim_step *step)
{
	struct smpp_session_stats stats;

	smpp_session_stats(link->session, &stats);
	return stats.state == SMPP_SESSION_BOUND && step->cut == 0 &&
	       (step->pdu.command_id & SMPP_RESP_BIT) == 0 &&
	       !sim_pdu_names(&step->pdu, "sequence_number") &&
	       !sim_pdu_names(&step->pdu, "command_length");
}

static void number(struct sim_link *link, const struct sim_step *step, uint8_t *octets)
{
	struct smpp_writer writer = smpp_writer_of(octets + SMPP_HEADER_OCTETS - 4, 4);

	if (sim_pdu_names(&step->pdu, "sequence_number"))
		link->strict.misnumbered = true;
	else
		smpp_write_u32(&writer, SIM_OWN_SEQUENCE + link->own_requests++);
}

static void do_send(struct sim_smsc *smsc, struct sim_link *link, const struct sim_step *step,
		    uint8_t *octets, size_t n)
{
	for (uint32_t i = 0; i < step->times; i++) {
		if (is_ordinary(link, step) &&
		    smpp_session_request_octets(link->session, octets, n, SIM_TAG_SCRIPT,
						port_now_ms(smsc->port)) == SMPP_SESSION_OK)
			continue;
		number(link, step, octets);
		sim_wire_put(smsc, link, octets, n, step->cut);
	}
}

/* Of the octets of a PDU only its tail is wanted. */
static void do_octets(struct sim_smsc *smsc, struct sim_link *link, const struct sim_step *step,
		      uint8_t *octets, size_t n)
{
	for (uint32_t i = 0; i < step->times && n > SMPP_HEADER_OCTETS; i++)
		sim_wire_put(smsc, link, octets + SMPP_HEADER_OCTETS, n - SMPP_HEADER_OCTETS, 0);
}

static void do_answer(struct sim_smsc *smsc, struct sim_link *link, const struct sim_step *step,
		      uint8_t *octets, size_t n)
{
	sim_wire_put(smsc, link, octets, n, step->cut);
}

static void do_reverse(struct sim_smsc *smsc, struct sim_link *link, const struct sim_step *step,
		       uint8_t *octets, size_t n)
{
	(void)step, (void)octets, (void)n;
	sim_wire_release_held(smsc, link);
}

static void do_unbind(struct sim_smsc *smsc, struct sim_link *link, const struct sim_step *step,
		      uint8_t *octets, size_t n)
{
	(void)step, (void)octets, (void)n;
	if (smpp_session_unbind(link->session, port_now_ms(smsc->port)) == SMPP_SESSION_OK)
		link->receives = false;
}

static void do_close(struct sim_smsc *smsc, struct sim_link *link, const struct sim_step *step,
		     uint8_t *octets, size_t n)
{
	(void)smsc, (void)octets, (void)n;
	link->receives = false;
	link->wire.ending = step->verb == SIM_VERB_RESET ? SIM_RESETS : SIM_CLOSES;
}

static void do_mute(struct sim_smsc *smsc, struct sim_link *link, const struct sim_step *step,
		    uint8_t *octets, size_t n)
{
	(void)smsc, (void)step, (void)octets, (void)n;
	link->wire.muted = true;
}

static int64_t until(const struct sim_smsc *smsc, const struct sim_step *step)
{
	return step->for_ms == 0 ? INT64_MAX : port_now_ms(smsc->port) + step->for_ms;
}

static void do_hold(struct sim_smsc *smsc, struct sim_link *link, const struct sim_step *step,
		    uint8_t *octets, size_t n)
{
	(void)octets, (void)n;
	link->wire.deaf_until_ms = until(smsc, step);
}

static void do_drip(struct sim_smsc *smsc, struct sim_link *link, const struct sim_step *step,
		    uint8_t *octets, size_t n)
{
	(void)octets, (void)n;
	link->wire.drip_per_s = step->n;
	link->wire.drip_ms = port_now_ms(smsc->port);
	link->wire.drip_until_ms = until(smsc, step);
}

typedef void do_fn(struct sim_smsc *smsc, struct sim_link *link, const struct sim_step *step,
		   uint8_t *octets, size_t n);

static do_fn *const does[SIM_VERBS] = {
	[SIM_VERB_ANSWER] = do_answer, [SIM_VERB_REVERSE] = do_reverse, [SIM_VERB_SEND] = do_send,
	[SIM_VERB_OCTETS] = do_octets, [SIM_VERB_UNBIND] = do_unbind,	[SIM_VERB_CLOSE] = do_close,
	[SIM_VERB_RESET] = do_close,   [SIM_VERB_MUTE] = do_mute,	[SIM_VERB_HOLD] = do_hold,
	[SIM_VERB_DRIP] = do_drip,
};

/* ---- later ---- */

void sim_act_later(struct sim_smsc *smsc, struct sim_link *link, const struct sim_step *step,
		   const uint8_t *octets, size_t n)
{
	uint32_t index = 0;
	struct sim_pending *pending;

	while (index < smsc->pending_count && smsc->pendings[index].step != NULL)
		index++;
	if (index == smsc->pending_count) {
		smsc->pendings = sim_grow(smsc->pendings, index, sizeof(*smsc->pendings));
		smsc->pending_count++;
	}
	pending = &smsc->pendings[index];
	*pending = (struct sim_pending){
		.link = link->number, .slot = link->slot, .step = step, .n = n
	};
	if (n > 0) {
		pending->octets = sim_grow(NULL, 0, n);
		memcpy(pending->octets, octets, n);
	}
	sim_smsc_plan(smsc, port_now_ms(smsc->port) + step->after_ms, SIM_STEP, index);
}

void sim_act_due(struct sim_smsc *smsc, uint32_t index)
{
	struct sim_pending pending = smsc->pendings[index];
	struct sim_link *link = smsc->slots[pending.slot];

	smsc->pendings[index].step = NULL;
	if (link != NULL && link->number == pending.link)
		does[pending.step->verb](smsc, link, pending.step, pending.octets, pending.n);
	free(pending.octets);
}

void sim_act_release(struct sim_smsc *smsc)
{
	for (size_t i = 0; i < smsc->pending_count; i++)
		if (smsc->pendings[i].step != NULL)
			free(smsc->pendings[i].octets);
	free(smsc->pendings);
	smsc->pendings = NULL;
	smsc->pending_count = 0;
}

/* ---- beginning ---- */

static void begin_answer(struct sim_smsc *smsc, struct sim_link *link, const struct sim_rule *rule,
			 const struct sim_step *step, const struct smpp_event *event)
{
	if (event->command_id & SMPP_RESP_BIT)
		return;
	sim_wire_shape(&link->wire, step, event->sequence_number, rule->fired);
	if (smsc->wish.status == 0)
		smsc->wish.status = sim_pdu_status(&step->pdu);
}

/* PDUs of a script are made when their row fires, though they may leave later. */
static void begin_send(struct sim_smsc *smsc, struct sim_link *link, const struct sim_rule *rule,
		       const struct sim_step *step, const struct smpp_event *event)
{
	static const struct smpp_pdu none;
	struct sim_subject subject = { .pdu = event == NULL ? &none : event->pdu,
				       .wall_ms = port_wall_ms(smsc->port),
				       .link = link->number,
				       .count = rule->fired };
	struct buffer octets = { 0 };

	sim_pdu_render(&step->pdu, NULL, &subject, true, &octets);
	if (step->after_ms > 0)
		sim_act_later(smsc, link, step, octets.octets, octets.n);
	else
		does[step->verb](smsc, link, step, octets.octets, octets.n);
	buffer_release(&octets);
}

static void begin(struct sim_smsc *smsc, struct sim_link *link, const struct sim_rule *rule,
		  const struct sim_step *step, const struct smpp_event *event)
{
	switch (step->verb) {
	case SIM_VERB_ANSWER:
	case SIM_VERB_DROP:
	case SIM_VERB_REVERSE:
		begin_answer(smsc, link, rule, step, event);
		break;
	case SIM_VERB_OUTCOME:
		smsc->wish.mix = &step->mix;
		break;
	case SIM_VERB_RECEIPT:
		smsc->wish.receipt = step;
		smsc->wish.receipt_count = rule->fired;
		break;
	case SIM_VERB_SEND:
	case SIM_VERB_OCTETS:
		begin_send(smsc, link, rule, step, event);
		break;
	case SIM_VERB_UNBIND:
	case SIM_VERB_CLOSE:
	case SIM_VERB_RESET:
	case SIM_VERB_MUTE:
	case SIM_VERB_HOLD:
	case SIM_VERB_DRIP:
		if (step->after_ms > 0)
			sim_act_later(smsc, link, step, NULL, 0);
		else
			does[step->verb](smsc, link, step, NULL, 0);
		break;
	case SIM_VERBS:
		break;
	}
}

void sim_act_now(struct sim_smsc *smsc, struct sim_link *link, const struct sim_rule *rule)
{
	for (size_t i = 0; i < rule->step_count; i++)
		begin(smsc, link, rule, &rule->steps[i], NULL);
}

/* Whose link it is, or would be by this bind. */
static const struct sim_account *
account_of(const struct sim_smsc *smsc, const struct sim_link *link, const struct smpp_event *event)
{
	if (link->account != SIM_ACCOUNTS_MAX)
		return &smsc->accounts[link->account];
	if (event == NULL || event->pdu == NULL)
		return NULL;
	for (uint32_t i = 0; i < smsc->account_count; i++)
		if (smpp_octets_equal(smpp_octets_of(smsc->accounts[i].system_id),
				      event->pdu->system_id))
			return &smsc->accounts[i];
	return NULL;
}

void sim_act(struct sim_smsc *smsc, struct sim_link *link, enum sim_happening happening,
	     const struct smpp_event *event)
{
	const struct sim_account *account = account_of(smsc, link, event);
	int64_t now_ms = port_now_ms(smsc->port);
	struct sim_occasion occasion = { .happening = happening,
					 .event = event,
					 .link = link->number,
					 .running_ms = now_ms - smsc->started_ms,
					 .down_ms = INT64_MAX,
					 .matched = link->matched };

	smsc->wish = (struct sim_wish){ 0 };
	if (account != NULL)
		occasion.system_id = smpp_octets_of(account->system_id);
	else if (event != NULL && event->pdu != NULL)
		occasion.system_id = event->pdu->system_id;
	if (account != NULL && account->went_down)
		occasion.down_ms = now_ms - account->down_ms;
	for (size_t i = 0; i < smsc->script.count; i++) {
		const struct sim_rule *rule = &smsc->script.rules[i];

		if (!sim_rule_fires(&smsc->script, i, &occasion))
			continue;
		for (size_t j = 0; j < rule->step_count; j++)
			begin(smsc, link, rule, &rule->steps[j], event);
	}
}
