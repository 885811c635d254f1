/**
 * What `NativeBackend.runOp` is told of a call besides its data: filled anew for each call, because making small arrays
 * that native code reads costs more than small ops do.
 */
export class CallNumbers {
  private numbers = new Float64Array(256);
  private count = 0;

  /** What was put since `start`, and whatever lies behind. */
  get array(): Float64Array {
    return this.numbers;
  }

  start(): void {
    this.count = 0;
  }

  put(number: number): void {
    if (this.count === this.numbers.length) {
      const longer = new Float64Array(2 * this.count);
      longer.set(this.numbers);
      this.numbers = longer;
    }
    this.numbers[this.count++] = number;
  }

  list(numbers: readonly number[]): void {
    this.put(numbers.length);
    for (let i = 0; i < numbers.length; i++) this.put(numbers[i] as number);
  }
}
