/* train: optimisers as equations, schedules, minibatches, checkpoints. A training step is one program: loss,
 * gradients, updates and commits; whatever changes from step to step is a rank-0 state on the device. */
#ifndef TL_TRAIN_H
#define TL_TRAIN_H

#include "io/io.h"
#include "run/run.h"

typedef enum train_method { TRAIN_SGD, TRAIN_ADAM, TRAIN_ADAMW } train_method;
typedef struct train_optimizer {
  train_method method;
  double lr, momentum, b1, b2, eps, decay;
  bool nesterov, amsgrad;
} train_optimizer;
train_optimizer train_optimizer_default(train_method method);     /* as language.md says */

typedef enum train_curve { TRAIN_CONSTANT, TRAIN_STEP, TRAIN_EXPONENTIAL, TRAIN_COSINE } train_curve;
typedef struct train_schedule {
  train_curve curve;
  int64_t warmup;                  /* steps of linear rise from 0 */
  int64_t period;                  /* STEP: multiply by gamma every so many steps */
  double gamma;                    /* STEP, EXPONENTIAL */
  double floor;                    /* COSINE: the last factor */
} train_schedule;
double train_rate(const train_schedule *s, int64_t step, int64_t steps);   /* the factor on lr at step 0, 1, .. steps - 1 */

/* The step: P (an extract of a program) gets gradients of LOSS (negated if MAXIMIZE) by PARAMETERS (its IR_STATEs), moments,
 * updates and commits; its outputs become {loss}. STATE lists the new states the step needs besides the parameters. */
typedef struct train_step {
  ir_program *program;
  ir_tensor *loss;
  ir_tensor *rate;                 /* rank-0 f32 INPUT: lr times the schedule's factor, set before each step */
  ir_tensor *count;                /* rank-0 i64 STATE, number of this step from 0; commits count + 1 */
  BASE_VEC(ir_tensor *) moments;   /* STATEs, zeros at the start */
} train_step;
void train_step_make(train_step *step, ir_program *p, ir_tensor *loss, bool maximize, int n, ir_tensor *const *parameter,
                     const train_optimizer *optimizer);

#endif
