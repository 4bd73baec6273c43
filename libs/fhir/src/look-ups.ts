/** A look-up costs about an eighth of a row's upsert, and is for nothing in a first import. */
const WORTH_A_LOOK = 1 / 8;
const LOOK_AGAIN_AFTER = 10;

/** Imports that are remembered; one that is forgotten is looked up as if it began. */
const MOST_IMPORTS = 100;

interface Experience {
  pays: boolean;
  chunks: number;
}

/**
 * When to look for unchanged rows: in an import's first chunk, then in each while that pays, else now and then. It saves
 * time, and writes: a row that is sent is written, if only to say that this import has confirmed it.
 */
export class LookUps {
  readonly #imports = new Map<string, Experience>();

  areDue(importId: string): boolean {
    const { pays, chunks } = this.#of(importId);
    return pays || chunks % LOOK_AGAIN_AFTER === 0;
  }

  /** @param changed how many of the rows had to be sent; all of them where no look-up was due */
  learn(importId: string, rows: number, changed: number): void {
    const experience = this.#of(importId);
    if (this.areDue(importId)) experience.pays = rows - changed > rows * WORTH_A_LOOK;
    experience.chunks++;
  }

  #of(importId: string): Experience {
    const known = this.#imports.get(importId) ?? { pays: true, chunks: 0 };
    if (this.#imports.size >= MOST_IMPORTS && !this.#imports.has(importId)) this.#imports.clear();
    this.#imports.set(importId, known);
    return known;
  }
}
