import { exp, log, sigmoid, tanh } from '../../numerics/elementary.js';

const f = Math.fround;

/** Functions of gates and states that ONNX's recurrent operators name, by the code that the attribute `activations` holds. */
export const RECURRENT_ACTIVATIONS = {
  Sigmoid: 0,
  Tanh: 1,
  Relu: 2,
  Affine: 3,
  LeakyRelu: 4,
  ThresholdedRelu: 5,
  ScaledTanh: 6,
  HardSigmoid: 7,
  Elu: 8,
  Softsign: 9,
  Softplus: 10,
} as const;

export type RecurrentActivation = (x: number) => number;

/** By code, of float32 alpha and beta; float32 after every operation (ONNX's operator LSTM, "Equations"). */
const ACTIVATIONS: readonly ((alpha: number, beta: number) => RecurrentActivation)[] = [
  () => sigmoid,
  () => tanh,
  () => (x) => (0 > x ? 0 : x),
  (alpha, beta) => (x) => f(f(alpha * x) + beta),
  (alpha) => (x) => (x >= 0 ? x : f(alpha * x)),
  (alpha) => (x) => (x >= alpha ? x : 0),
  (alpha, beta) => (x) => f(alpha * tanh(f(beta * x))),
  (alpha, beta) => (x) => Math.min(Math.max(f(f(alpha * x) + beta), 0), 1),
  (alpha) => (x) => (x >= 0 ? x : f(alpha * f(exp(x) - 1))),
  () => (x) => f(x / f(1 + Math.abs(x))),
  // log(1 + e^x) without an e^x that overflows.
  () => (x) => f(Math.max(x, 0) + log(f(1 + exp(-Math.abs(x))))),
];

/** The function of a code; undefined for a code that is none. */
export function recurrentActivation(code: number, alpha = 0, beta = 0): RecurrentActivation | undefined {
  return ACTIVATIONS[code]?.(f(alpha), f(beta));
}
