/** What must be kept alive after the migration, until when, and by whom. */
import type { ReportFacts } from './hand-over';

export const OBLIGATION_IDS = [
  'name',
  'tls',
  'redirects',
  'apns',
  'scep-ca',
  'renewal',
  'private-key',
  'abm',
  'backup',
] as const;
export type ObligationId = (typeof OBLIGATION_IDS)[number];

/** Who answers for each. */
export type Owners = Readonly<Partial<Record<ObligationId, string>>>;

export interface Obligation {
  readonly id: ObligationId;
  readonly title: string;
  readonly sentence: string;
  /** The next day something must be done, milliseconds; null: for as long as a device is enrolled. */
  readonly due: number | null;
  /** Null: nobody was named. */
  readonly owner: string | null;
}

const DAY = 86_400_000;
/** Apple's push certificates live a year and are renewed before they end. */
const APNS_LEAD = 30 * DAY;
/** A CA with less than this left is extended first (spec/fleet.md 2.6). */
const CA_LEAD = 5 * 365 * DAY;

export function obligationsOf(facts: ReportFacts): Obligation[] {
  const { host, push, scepCa, abm, topic, owners } = facts;
  const name = host ?? 'the old name';
  const one = (id: ObligationId, title: string, due: number | null, sentence: string): Obligation => ({
    id,
    title,
    sentence,
    due,
    owner: owners[id] ?? null,
  });
  return [
    one(
      'name',
      host === null ? 'The old name' : `The name ${host}`,
      null,
      'Devices keep it for as long as they are enrolled; nobody can tell them another. The domain must stay yours.',
    ),
    one(
      'tls',
      `A certificate for ${name}`,
      null,
      'From a chain that devices trust, renewed in time. A change of the issuing CA is a change of trust: where the enrollment profile carried an anchor, it must stay under it.',
    ),
    one(
      'redirects',
      'The redirects',
      null,
      `Every path devices call under ${name} leads to Fleet, with method, body and signature untouched.`,
    ),
    one(
      'apns',
      'The push certificate',
      push === null ? null : push.notAfter - APNS_LEAD,
      `Renewed every year with the same Apple Account, so that the topic stays${topic === null ? '' : ` (${topic})`}. With another topic every device is lost.`,
    ),
    one(
      'scep-ca',
      'The SCEP CA',
      scepCa === null ? null : scepCa.notAfter - CA_LEAD,
      `It ends on ${dayOf(scepCa?.notAfter ?? null)}. It is extended with the same key; a new key loses every device, and every escrowed disk encryption key.`,
    ),
    one(
      'renewal',
      'The renewal profile',
      null,
      'Fleet needs it in its environment for as long as one migrated device is enrolled; without it certificates run out within a year.',
    ),
    one(
      'private-key',
      'Fleet’s server private key',
      null,
      'Keys and certificates lie encrypted with it in Fleet’s database. Without it they are gone, whatever backup there is.',
    ),
    one(
      'abm',
      'Apple Business Manager',
      expiryOf(abm?.expiry ?? null),
      'Serial numbers are still assigned to the old server: a device that is wiped goes back there. Assign them to Fleet.',
    ),
    one(
      'backup',
      facts.decommission.ownBackup === null
        ? 'The backup of the old database'
        : 'The old server’s own backup, and the capture',
      null,
      'It holds unlock tokens, bootstrap tokens and the old keys. Keep it where secrets are kept, for as long as one migrated device is enrolled.',
    ),
  ];
}

function expiryOf(text: string | null): number | null {
  if (text === null) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

function dayOf(at: number | null): string {
  return at === null ? 'a day that is not known' : new Date(at).toISOString().slice(0, 10);
}
