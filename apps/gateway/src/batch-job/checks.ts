import { ValidateBy, ValidateIf } from 'class-validator';
import { BATCH_STATUSES } from '#domain';

const check = (name: string, message: string, holds: (value: unknown) => boolean): PropertyDecorator =>
  ValidateBy({ name, validator: { validate: holds, defaultMessage: () => message } });

const matches = (pattern: RegExp) => (value: unknown) => typeof value === 'string' && pattern.test(value);

/** The field may be missing; undefined, and nothing else, means so. */
export const Optional = (): PropertyDecorator => ValidateIf((_dto, value) => value !== undefined);

/** A whole number in digits alone, as text: no sign, no exponent, no leading zero, given once. */
export const WholeNumber = (min: number, max: number): PropertyDecorator =>
  check('wholeNumber', `must be a whole number from ${min} to ${max}`, (value) => {
    const number = matches(/^(0|[1-9]\d{0,15})$/)(value) ? Number(value) : NaN;
    return number >= min && number <= max;
  });

/** `true` or `false`, given once. */
export const TrueOrFalse = (): PropertyDecorator =>
  check('trueOrFalse', 'must be true or false', matches(/^(true|false)$/));

/** A name that stands in a path. */
export const Name = (longest: number): PropertyDecorator =>
  check(
    'name',
    `must be 1 to ${longest} letters, digits, - or _`,
    matches(new RegExp(`^[A-Za-z0-9_-]{1,${longest}}$`)),
  );

export const Uuid = (): PropertyDecorator =>
  check('uuid', 'must be a UUID', matches(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i));

/** One status, several with commas, or the parameter several times. */
export const Statuses = (): PropertyDecorator =>
  check('statuses', `must be one or more of ${BATCH_STATUSES.join(', ')}`, (value) =>
    statusWords(value).every((word) => (BATCH_STATUSES as readonly unknown[]).includes(word)),
  );

/** The words of a `status` parameter, however it was given. */
export const statusWords = (value: unknown): unknown[] =>
  [value].flat().flatMap((word) => (typeof word === 'string' ? word.split(',') : [word]));

/** A JSON object. */
export const PlainObject = (): PropertyDecorator =>
  check(
    'plainObject',
    'must be a JSON object',
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  );

/** Id of an entry of a Redis stream, e.g. `1700000000000-0`. */
export const StreamId = (): PropertyDecorator =>
  check('streamId', 'must be the id of an entry, e.g. 1700000000000-0', matches(/^\d{1,16}-\d{1,16}$/));
