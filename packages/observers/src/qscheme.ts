/** How ranges become scales and zero points, by PyTorch's names. */
export const QSCHEMES = {
  per_tensor_affine: { perChannel: false, symmetric: false },
  per_tensor_symmetric: { perChannel: false, symmetric: true },
  per_channel_affine: { perChannel: true, symmetric: false },
  per_channel_symmetric: { perChannel: true, symmetric: true },
  /** Embedding rows: the range is not forced through 0, and the zero point stays a float. */
  per_channel_affine_float_qparams: { perChannel: true, symmetric: false },
} as const;

export type QScheme = keyof typeof QSCHEMES;
