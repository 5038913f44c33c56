/* train: optimisers as equations, schedules, minibatches, checkpoints. A training step is one
 * program: loss, gradients, updates and commits. What changes from step to step and depends on
 * the number of the step alone is a rank-0 input, set before it. */
#ifndef TL_TRAIN_H
#define TL_TRAIN_H

#include "io/io.h"
#include "run/run.h"

/* ---- optimisers: as PyTorch computes them ---------------------------------------------------- */

typedef enum train_method { TRAIN_SGD, TRAIN_ADAM, TRAIN_ADAMW } train_method;
typedef struct train_optimizer {
  train_method method;
  double lr, momentum, b1, b2, eps, decay;   /* decay: of ADAMW */
  bool nesterov, amsgrad;
} train_optimizer;
train_optimizer train_optimizer_default(train_method method);     /* as language.md says */

typedef enum train_curve {
  TRAIN_CONSTANT, TRAIN_STEP, TRAIN_EXPONENTIAL, TRAIN_COSINE,
} train_curve;
typedef struct train_schedule {
  train_curve curve;
  int64_t warmup;                  /* steps of linear rise from 0 */
  int64_t period;                  /* STEP: multiply by gamma every so many steps */
  double gamma;                    /* STEP, EXPONENTIAL */
  double floor;                    /* COSINE: the last factor */
} train_schedule;
train_schedule train_schedule_default(train_curve curve);
/* The factor on lr at step 0, 1, .. steps - 1. */
double train_rate(const train_schedule *s, int64_t step, int64_t steps);

/* ---- the step -------------------------------------------------------------------------------- */

/* W becomes W - rate W' with W' from the gradient and the moments; ADAM and ADAMW divide those by
 * what they lack in the first steps: the scales are 1/(1-b1^t) and 1/sqrt(1-b2^t), t from 1. */
typedef struct train_step {
  ir_program *program;
  ir_tensor *loss;
  ir_tensor *rate;                 /* rank-0 f32 INPUT: lr times the schedule's factor */
  ir_tensor *scale1, *scale2;      /* rank-0 f32 INPUTs of ADAM and ADAMW, else NULL */
  BASE_VEC(ir_tensor *) moments;   /* new STATEs, zeros at the start */
  BASE_VEC(ir_tensor *) masters;   /* f32 STATEs that hold a 16-bit parameter's exact value: by */
  BASE_VEC(ir_tensor *) mastered;  /* parameter; both start equal */
} train_step;

/* P, an extract of a program, gets the gradients of LOSS (of -LOSS if MAXIMIZE) by the N states
 * PARAMETER, moments, updates and commits; its outputs become {loss}. */
void train_step_make(train_step *step, ir_program *p, ir_tensor *loss, bool maximize, int n,
                     ir_tensor *const *parameter, const train_optimizer *optimizer);
/* COUNTER, a rank-0 i64 STATE, is one more after each run: the key of random draws. */
void train_count(ir_program *p, ir_tensor *counter);

typedef struct train_numbers { double rate, scale1, scale2; } train_numbers;
train_numbers train_numbers_at(const train_optimizer *o, const train_schedule *s, int64_t step,
                               int64_t steps);

/* ---- minibatches ----------------------------------------------------------------------------- */

/* Elements 0 .. n-1 in an order that KEY and the number of the epoch set, SIZE of them at a time;
 * what is left of an epoch that does not fill a batch is left out. */
typedef struct train_batches {
  int64_t n, size, at, epoch, key;
  int64_t *order;                  /* n of them */
} train_batches;
void train_batches_open(train_batches *b, base_arena *arena, int64_t n, int64_t size, int64_t key);
const int64_t *train_batches_next(train_batches *b);     /* size numbers, till the next call */

#endif
