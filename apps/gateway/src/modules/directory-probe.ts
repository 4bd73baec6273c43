import { stat } from 'node:fs/promises';

/** Asks a file system whether it answers. While it hangs, all who ask share one question, which holds one thread. */
export class DirectoryProbe {
  private asked: Promise<unknown> | undefined;

  constructor(private readonly directory: string) {}

  /** Settles when the file system answers. @throws with the reason if the directory cannot be looked up */
  ask(): Promise<unknown> {
    this.asked ??= stat(this.directory).finally(() => (this.asked = undefined));
    return this.asked;
  }
}
