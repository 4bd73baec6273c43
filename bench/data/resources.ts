import type { Chance } from '../../scripts/sample/random.js';
import { condition, encounter, observation, patient, type Resource } from '../../scripts/sample/resources.js';

/** A patient's record, as an export of an electronic health record holds it: about 1.3 KB a resource. */
export const RECORD = { Patient: 1, Encounter: 3, Condition: 4, Observation: 12 } as const;

export const RECORD_SIZE = Object.values(RECORD).reduce((sum, count) => sum + count, 0);

export type ResourceType = keyof typeof RECORD;

export function* recordOf(chance: Chance): Generator<Resource> {
  const subject = patient(chance);
  const encounters = times(RECORD.Encounter, () => encounter(chance, subject));
  const seenAt = () => chance.pick(encounters);
  const plain = [
    subject,
    ...encounters,
    ...times(RECORD.Condition, () => condition(chance, subject, seenAt())),
    ...times(RECORD.Observation, () => observation(chance, subject, seenAt())),
  ];
  for (const resource of plain) yield dressed(resource, chance);
}

const PROFILES = 'http://hl7.org/fhir/us/core/StructureDefinition';
const WORDS = [
  'reports',
  'no',
  'acute',
  'distress',
  'alert',
  'and',
  'oriented',
  'follow-up',
  'in',
  'two',
  'weeks',
  'advised',
  'medication',
  'tolerated',
  'well',
  'normal',
  'range',
  'reviewed',
  'with',
  'patient',
];

/** With what a server adds to a resource: metadata, a narrative (escaped quotes and all), a business identifier, a note. */
function dressed({ resourceType, id, ...rest }: Resource, chance: Chance): Resource {
  const words = (count: number) => times(count, () => chance.pick(WORDS)).join(' ');
  const narrative = `<div xmlns="http://www.w3.org/1999/xhtml"><p class="summary">${words(22)}</p></div>`;
  return {
    resourceType,
    id,
    meta: {
      versionId: '1',
      lastUpdated: new Date(Date.UTC(2024, 0, 1) + chance.between(0, 31_536_000) * 1_000).toISOString(),
      profile: [`${PROFILES}/us-core-${resourceType.toLowerCase()}`],
    },
    text: { status: 'generated', div: narrative },
    identifier: [{ system: 'urn:longshore:bench:records', value: chance.uuid() }],
    ...rest,
    note: [{ text: `${words(chance.between(5, 45))}.` }],
  };
}

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
