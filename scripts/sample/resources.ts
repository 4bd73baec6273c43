import type { Chance } from './random.js';
import { CITIES, CONDITIONS, ENCOUNTER_KINDS, FAMILY_NAMES, GIVEN_NAMES, MEASUREMENTS } from './vocabulary.js';

/** A FHIR R4 resource. */
export interface Resource {
  resourceType: string;
  id: string;
  [field: string]: unknown;
}

const FIRST_DAY = Date.UTC(2015, 0, 1);
const DAYS = 3_650;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem';

const reference = ({ resourceType, id }: Resource) => ({ reference: `${resourceType}/${id}` });
const coded = (system: string, code: string, display: string) => ({
  coding: [{ system, code, display }],
  text: display,
});
const ofHl7 = (list: string, code: string) => ({ coding: [{ system: `${TERMINOLOGY}/${list}`, code }] });

export function patient(chance: Chance): Resource {
  const gender = chance.pick(['female', 'male'] as const);
  const born = Date.UTC(chance.between(1930, 2014), chance.between(0, 11), chance.between(1, 28));
  const number = String(chance.between(1_000_000, 9_999_999));
  return {
    resourceType: 'Patient',
    id: chance.uuid(),
    identifier: [{ type: ofHl7('v2-0203', 'MR'), system: 'urn:longshore:sample:patients', value: number }],
    active: true,
    name: [{ use: 'official', family: chance.pick(FAMILY_NAMES), given: [chance.pick(GIVEN_NAMES[gender])] }],
    telecom: [{ system: 'phone', value: `555-01${String(chance.between(0, 99)).padStart(2, '0')}`, use: 'home' }],
    gender,
    birthDate: new Date(born).toISOString().slice(0, 10),
    address: [{ line: [`${chance.between(1, 999)} Harbour Street`], ...chance.pick(CITIES) }],
  };
}

export function encounter(chance: Chance, subject: Resource): Resource {
  const kind = chance.pick(ENCOUNTER_KINDS);
  const start = FIRST_DAY + chance.between(0, DAYS) * DAY_MS + chance.between(480, 1_080) * MINUTE_MS;
  return {
    resourceType: 'Encounter',
    id: chance.uuid(),
    status: 'finished',
    class: { system: `${TERMINOLOGY}/v3-ActCode`, code: kind.class },
    type: [coded('http://snomed.info/sct', kind.type, kind.display)],
    subject: reference(subject),
    period: { start: instant(start), end: instant(start + kind.minutes * MINUTE_MS) },
  };
}

export function condition(chance: Chance, subject: Resource, seenAt: Resource): Resource {
  const { code, display } = chance.pick(CONDITIONS);
  return {
    resourceType: 'Condition',
    id: chance.uuid(),
    clinicalStatus: ofHl7('condition-clinical', chance.pick(['active', 'resolved'])),
    verificationStatus: ofHl7('condition-ver-status', 'confirmed'),
    category: [ofHl7('condition-category', 'encounter-diagnosis')],
    code: coded('http://snomed.info/sct', code, display),
    subject: reference(subject),
    encounter: reference(seenAt),
    recordedDate: startOf(seenAt),
  };
}

export function observation(chance: Chance, subject: Resource, seenAt: Resource): Resource {
  const { category, code, display, unit, low, high } = chance.pick(MEASUREMENTS);
  return {
    resourceType: 'Observation',
    id: chance.uuid(),
    status: 'final',
    category: [ofHl7('observation-category', category)],
    code: coded('http://loinc.org', code, display),
    subject: reference(subject),
    encounter: reference(seenAt),
    effectiveDateTime: startOf(seenAt),
    valueQuantity: { value: chance.between(low, high) / 10, unit, system: 'http://unitsofmeasure.org', code: unit },
  };
}

const instant = (ms: number) => new Date(ms).toISOString();

const startOf = (seenAt: Resource) => (seenAt.period as { start: string }).start;
