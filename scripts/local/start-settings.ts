import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { freePort } from './ports.js';

export interface StartSettings {
  host: string;
  /** Never 0. */
  port: number;
  workers: number;
  /** Absolute path of an existing directory. */
  importDirectory: string;
}

const whole = (fallback: number, most: number) =>
  z.coerce
    .number(`must be a whole number from 0 to ${most}`)
    .int(`must be a whole number from 0 to ${most}`)
    .min(0, 'must be 0 or more')
    .max(most, `must be ${most} or less`)
    .default(fallback);

const SETTINGS = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: whole(9000, 65_535),
  WORKERS: whole(2, 64),
  IMPORT_DIRECTORY: z.string().optional(),
});

/**
 * The settings of `npm start`.
 *
 * @param directory the data directory, in which the import directory is created by default
 * @throws Error naming every setting that is not valid
 */
export async function readStartSettings(directory: string, env = process.env): Promise<StartSettings> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const { data, error } = SETTINGS.safeParse(given);
  if (!data) {
    const faults = error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
    throw new Error(`Settings are not valid: ${faults.join('; ')}.`);
  }
  const importDirectory = data.IMPORT_DIRECTORY ? resolve(data.IMPORT_DIRECTORY) : join(directory, 'import');
  mkdirSync(importDirectory, { recursive: true });
  return { host: data.HOST, port: data.PORT || (await freePort()), workers: data.WORKERS, importDirectory };
}
