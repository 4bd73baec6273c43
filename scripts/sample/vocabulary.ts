// Names of no real person, and a few codes as the terminologies have them (SNOMED CT, LOINC, UCUM).

export const GIVEN_NAMES = {
  female: ['Ada', 'Beatriz', 'Chloé', 'Freya', 'Hana', 'Ingrid', 'Leila', 'Mei', 'Nkechi', 'Zoë'],
  male: ['Arjun', 'Björn', 'Caleb', 'Emeka', 'Farid', 'Hugo', 'Jun', 'Mateo', 'Oleg', 'Tariq'],
} as const;

export const FAMILY_NAMES = [
  'Abara',
  'Brandt',
  'Castillo',
  'Dubois',
  'Eriksen',
  'Fontaine',
  'García',
  'Haddad',
  'Ito',
  'Jansen',
  'Kovač',
  'Lindqvist',
  'Moreau',
  'Nakamura',
  'Okafor',
  'Petrov',
  'Quispe',
  'Rossi',
  'Søndergaard',
  'Tanaka',
] as const;

export const CITIES = [
  { city: 'Toronto', state: 'ON', postalCode: 'M5H 2N2', country: 'CA' },
  { city: 'Montréal', state: 'QC', postalCode: 'H2Y 1C6', country: 'CA' },
  { city: 'Boston', state: 'MA', postalCode: '02108', country: 'US' },
  { city: 'Springfield', state: 'IL', postalCode: '62701', country: 'US' },
] as const;

export const ENCOUNTER_KINDS = [
  { class: 'AMB', type: '185349003', display: 'Encounter for check up (procedure)', minutes: 30 },
  { class: 'AMB', type: '185345009', display: 'Encounter for symptom (procedure)', minutes: 20 },
  { class: 'EMER', type: '50849002', display: 'Emergency room admission (procedure)', minutes: 240 },
  { class: 'VR', type: '185317003', display: 'Telephone encounter (procedure)', minutes: 10 },
] as const;

export const CONDITIONS = [
  { code: '38341003', display: 'Hypertensive disorder, systemic arterial (disorder)' },
  { code: '44054006', display: 'Diabetes mellitus type 2 (disorder)' },
  { code: '195662009', display: 'Acute viral pharyngitis (disorder)' },
  { code: '233604007', display: 'Pneumonia (disorder)' },
  { code: '195967001', display: 'Asthma (disorder)' },
  { code: '271737000', display: 'Anemia (disorder)' },
] as const;

/** `low` and `high` bound what is seen, in tenths of the unit. */
export const MEASUREMENTS = [
  { category: 'vital-signs', code: '8302-2', display: 'Body Height', unit: 'cm', low: 1_480, high: 2_000 },
  { category: 'vital-signs', code: '29463-7', display: 'Body Weight', unit: 'kg', low: 450, high: 1_300 },
  { category: 'vital-signs', code: '8867-4', display: 'Heart rate', unit: '/min', low: 500, high: 1_100 },
  { category: 'vital-signs', code: '8310-5', display: 'Body temperature', unit: 'Cel', low: 358, high: 397 },
  {
    category: 'laboratory',
    code: '2339-0',
    display: 'Glucose [Mass/volume] in Blood',
    unit: 'mg/dL',
    low: 650,
    high: 1_900,
  },
  {
    category: 'laboratory',
    code: '4548-4',
    display: 'Hemoglobin A1c/Hemoglobin.total in Blood',
    unit: '%',
    low: 45,
    high: 110,
  },
] as const;
