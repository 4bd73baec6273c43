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
 * When to look for unchanged rows: at a sample of an import's first chunk and of every tenth, and at whole chunks while
 * that pays. It saves time, and writes: a row that is sent is written, if only to say that this import has confirmed it.
 */
export class LookUps {
  readonly #imports = new Map<string, Experience>();

  /** What to look at before the next chunk of this import is sent. */
  due(importId: string): 'chunk' | 'sample' | 'nothing' {
    const { pays, chunks } = this.#of(importId);
    if (pays) return 'chunk';
    return chunks % LOOK_AGAIN_AFTER === 0 ? 'sample' : 'nothing';
  }

  /**
   * @param looked at how many rows
   * @param needless how many of them need not be sent
   * @returns whether looking pays
   */
  learn(importId: string, looked: number, needless: number): boolean {
    const experience = this.#of(importId);
    experience.pays = needless > looked * WORTH_A_LOOK;
    return experience.pays;
  }

  /** Counts a chunk that has been sent. */
  sent(importId: string): void {
    this.#of(importId).chunks++;
  }

  #of(importId: string): Experience {
    const known = this.#imports.get(importId) ?? { pays: false, chunks: 0 };
    if (this.#imports.size >= MOST_IMPORTS && !this.#imports.has(importId)) this.#imports.clear();
    this.#imports.set(importId, known);
    return known;
  }
}
