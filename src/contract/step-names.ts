/** Plain data, without the schemas beside it: the window takes it along as it is. */

/** The steps of a migration, in the order of the rail. */
export const STEPS = [
  'source',
  'certificates',
  'fleet',
  'checks',
  'controls',
  'agent',
  'plan',
  'apply',
  'cutover',
  'waves',
  'devices',
  'report',
  'journal',
] as const;
export type StepName = (typeof STEPS)[number];
