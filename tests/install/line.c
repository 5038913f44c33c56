/* A line through three points, learned by an installed TensorLogic; C99, and C++ as it stands.
 *   cc line.c $(pkg-config --cflags --libs tensorlogic) */
#include <stdio.h>
#include <tensorlogic.h>

static const char model[] = "Loss avg= (Y[e] - W X[e] - B)^2\n"
                            "NewW = W - 0.1 GW\nGW = grad(Loss, W)\n"
                            "NewB = B - 0.1 GB\nGB = grad(Loss, B)\n";

int main(void) {
  const char *names[] = {"X", "Y", "W", "B", NULL}, *results[] = {"NewW", "NewB", "Loss", NULL};
  const float xs[] = {1, 2, 3}, ys[] = {3, 5, 7};
  const int64_t size[] = {3};
  tl_context *ctx = tl_open(NULL);
  tl_function *step = tl_compile(ctx, model, names, results);
  tl_tensor *arg[4], *made[3];
  arg[0] = tl_from(ctx, TL_F32, 1, size, xs);
  arg[1] = tl_from(ctx, TL_F32, 1, size, ys);
  arg[2] = tl_scalar(ctx, TL_F32, 0);
  arg[3] = tl_scalar(ctx, TL_F32, 0);
  for (int i = 0; i < 500 && tl_call(step, arg, made) == TL_OK; i++) {
    tl_release(arg[2]);
    tl_release(arg[3]);
    tl_release(made[2]);
    arg[2] = made[0];
    arg[3] = made[1];
  }
  printf("TensorLogic %s: y = %.3f x + %.3f\n", tl_version(), tl_value(arg[2]), tl_value(arg[3]));
  if (tl_last(ctx) != TL_OK) {
    char *why = tl_diagnosis(ctx, 0);
    fprintf(stderr, "%s\n", why ? why : tl_message(ctx));
    tl_free_text(ctx, why);
  }
  int failed = tl_last(ctx) != TL_OK;
  tl_close(ctx);
  return failed;
}
