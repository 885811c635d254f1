import { expectTypeOf, it } from 'vitest';
import { type DType, F, nn, Tensor } from '../src/index.js';

// Checked by the compiler (`npm run typecheck`); at run time these do next to nothing.

it('the data of a tensor follows its dtype', () => {
  expectTypeOf<Tensor<'int64'>['data']>().toEqualTypeOf<BigInt64Array>();
  expectTypeOf<Tensor<'float16'>['data']>().toEqualTypeOf<Uint16Array>();
  expectTypeOf(Tensor.from([1])).toEqualTypeOf<Tensor<'float32'>>();
  expectTypeOf(Tensor.from([1n], { dtype: 'int64' }).item()).toEqualTypeOf<bigint>();
  expectTypeOf(Tensor.zeros([1], 'bool').type).toEqualTypeOf<'bool'>();
  expectTypeOf<Tensor<'int8'>>().toExtend<Tensor>();
  expectTypeOf<Tensor['type']>().toEqualTypeOf<DType>();
});

it('ops that take any dtype give it back, float ops give float32', () => {
  const ids = Tensor.from([[1, 2]], { dtype: 'int64' });
  expectTypeOf(F.reshape(ids, [-1])).toEqualTypeOf<Tensor<'int64'>>();
  expectTypeOf(F.cat([ids, ids])).toEqualTypeOf<Tensor<'int64'>>();
  expectTypeOf(F.to(ids, 'float16')).toEqualTypeOf<Tensor<'float16'>>();
  expectTypeOf(F.arangeLike(ids, 0)).toEqualTypeOf<Tensor<'int64'>>();
  expectTypeOf<ReturnType<typeof F.linear>>().toEqualTypeOf<Tensor<'float32'>>();
});

it('a module is called as its forward is typed', () => {
  const linear = new nn.Linear(1, 1);
  expectTypeOf(linear.call).parameters.toEqualTypeOf<[x: Tensor]>();
  expectTypeOf(linear.call).returns.toEqualTypeOf<Tensor<'float32'>>();
  // @ts-expect-error a module takes tensors, not numbers
  expectTypeOf<Parameters<typeof linear.call>>().toEqualTypeOf<[number]>();
  // @ts-expect-error unknown dtypes are refused
  () => Tensor.zeros([1], 'float64');
});
