/** Plain data, without schemas: the secrets a source may need, each by the slot of its source. */

export const SOURCE_SECRETS = [
  'source-api-key',
  'source-password',
  'source-key-passphrase',
  'source-ssh-passphrase',
  'source-ssh-password',
] as const;
/** Slots of the sources besides the first, whose secrets have no number. */
const OTHER_SLOTS = [2, 3, 4, 5, 6] as const;

export type SourceSecret = (typeof SOURCE_SECRETS)[number];
export type SourceSecretKind = SourceSecret | `${SourceSecret}-${(typeof OTHER_SLOTS)[number]}`;

/** The secrets of all slots. */
export const SOURCE_SECRET_KINDS: readonly SourceSecretKind[] = [
  ...SOURCE_SECRETS,
  ...SOURCE_SECRETS.flatMap((secret) => OTHER_SLOTS.map((slot) => `${secret}-${slot}` as const)),
];

/** The secret of the source in this slot. */
export function secretOfSource(secret: SourceSecret, slot: number): SourceSecretKind {
  const other = OTHER_SLOTS.find((one) => one === slot);
  return other === undefined ? secret : `${secret}-${other}`;
}
