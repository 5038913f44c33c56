/* The passes in their order, and what runs them. */
#include "pass/pass.h"

const pass pass_table[] = {
    {"settle", pass_settle},     /* recurrences are all that is left of cycles */
    {"simplify", pass_simplify}, /* what nobody needs or is there twice goes first */
    {"invert", pass_invert},
    {"simplify", pass_simplify}, /* the guards that solving brought */
    {"pull", pass_pull},
    {"contract", pass_contract},
    {"inline", pass_inline},
    {"simplify", pass_simplify}, /* what was inlined everywhere is dead now */
    {"order", pass_order},
    {NULL, NULL},
};

void pass_run(ir_program *p, const pass_options *options) {
  for (const pass *row = pass_table; row->run; row++) {
    double start = base_seconds();
    base_poll(p->ctx);
    row->run(p);
    double seconds = base_seconds() - start;
    if (options && options->verify) ir_verify(p, row->name);
    if (options && options->dump) options->dump(options->user, row->name, p, seconds);
  }
}
