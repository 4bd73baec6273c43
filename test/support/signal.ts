/** A promise that a test waits for and something else resolves. */
export interface Signal<T> {
  readonly given: Promise<T>;
  give(value: T): void;
}

export function signal<T>(): Signal<T> {
  let give!: (value: T) => void;
  const given = new Promise<T>((resolve) => (give = resolve));
  return { given, give };
}
