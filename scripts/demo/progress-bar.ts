export interface Pace {
  done: number;
  /** 0 while the work is being planned. */
  total: number;
  rowsPerSecond: number | undefined;
  /** Milliseconds from now; undefined where it is unknown. */
  leftMs: number | undefined;
}

const WIDTH = 30;

/** One line: the bar, the rows, the speed and the time left. */
export function progressLine({ done, total, rowsPerSecond, leftMs }: Pace): string {
  if (total === 0) return 'planning …';
  const part = Math.min(1, done / total);
  const filled = Math.round(part * WIDTH);
  return [
    `[${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}] ${String(Math.floor(part * 100)).padStart(3)} %`,
    `${count(done)} / ${count(total)} rows`,
    ...(rowsPerSecond === undefined ? [] : [`${count(Math.round(rowsPerSecond))} rows/s`]),
    ...(leftMs === undefined ? [] : [`${Math.ceil(leftMs / 1_000)} s left`]),
  ].join('  ');
}

/** A whole number with separators: 50,000. */
export const count = (value: number): string => value.toLocaleString('en-US');

/** Writes progress: on a terminal over the last line, elsewhere on a new line at most every two seconds. */
export function progressWriter(output: NodeJS.WriteStream): { show(line: string): void; end(): void } {
  let last = '';
  let writtenAt = 0;
  const writeLine = (line: string) => {
    last = '';
    writtenAt = Date.now();
    output.write(`${line}\n`);
  };
  if (output.isTTY) {
    return {
      show: (line) => void output.write(`\r\u001B[K${line.slice(0, output.columns - 1)}`),
      end: () => void output.write('\n'),
    };
  }
  return {
    show: (line) => {
      if (line === last) return;
      last = line;
      if (Date.now() - writtenAt >= 2_000) writeLine(line);
    },
    end: () => {
      if (last) writeLine(last);
    },
  };
}
