/* Trees of program text, written as lists, and the errors of text that is refused. */
#ifndef TEST_LANG_SYNTAX_H
#define TEST_LANG_SYNTAX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lang/ast.h"

/* A context, and in it an arena that the test may use. */
typedef struct syntax { base_ctx *ctx; base_arena *arena; } syntax;

int open_syntax(void **state);
int close_syntax(void **state);   /* and nothing must be left in the heap */

#define WITH_SYNTAX(test) cmocka_unit_test_setup_teardown(test, open_syntax, close_syntax)

/* The tree of a statement, an expression: (= Y (sig (join W[i] X[i]))), of a program one a line. */
const char *tree_of_expr(const syntax *s, const lang_expr *e);
const char *tree_of(const syntax *s, const lang_ast *ast);

lang_ast *parse(const syntax *s, const char *text);       /* fails the test if it is refused */
const base_error *refusal(const syntax *s, const char *text, size_t n);   /* if it is not */

#endif
