/* schedule: optimisers' defaults, the learning rate and other numbers of each step. */
#include <math.h>

#include "train/train.h"

train_optimizer train_optimizer_default(train_method method) {
  train_optimizer o = {.method = method, .lr = 1e-3, .b1 = 0.9, .b2 = 0.999, .eps = 1e-8};
  if (method == TRAIN_SGD) o.lr = 1e-2;
  if (method == TRAIN_ADAMW) o.decay = 0.01;
  return o;
}

train_schedule train_schedule_default(train_curve curve) {
  train_schedule s = {.curve = curve, .period = 1, .gamma = 1};
  if (curve == TRAIN_STEP) s = (train_schedule){.curve = curve, .period = 30, .gamma = 0.1};
  if (curve == TRAIN_EXPONENTIAL) s.gamma = 0.99;
  return s;
}

double train_rate(const train_schedule *s, int64_t step, int64_t steps) {
  if (step < s->warmup) return (double)(step + 1) / (double)s->warmup;
  int64_t at = step - s->warmup, of = steps - s->warmup;
  switch (s->curve) {
  case TRAIN_STEP: return pow(s->gamma, (double)(at / (s->period > 0 ? s->period : 1)));
  case TRAIN_EXPONENTIAL: return pow(s->gamma, (double)at);
  case TRAIN_COSINE:
    return s->floor +
           (1 - s->floor) * 0.5 * (1 + cos(M_PI * (double)at / (double)(of > 0 ? of : 1)));
  default: return 1;
  }
}

train_numbers train_numbers_at(const train_optimizer *o, const train_schedule *s, int64_t step,
                               int64_t steps) {
  double t = (double)step + 1;
  return (train_numbers){o->lr * train_rate(s, step, steps), 1 / (1 - pow(o->b1, t)),
                         1 / sqrt(1 - pow(o->b2, t))};
}
