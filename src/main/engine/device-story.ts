/** One device's whole story as a timeline, with what tells of each event. */
import type { DeviceStory, DeviceWatch, WatchEvent } from '../../contract/watch';
import {
  provenContacts,
  type DeviceEvidence,
  type DeviceStatus,
  type Proof,
  type ProofKind,
} from '../../core/watch/status';

/** Fleet renews from so long before a certificate's end (spec/fleet.md 3.5). */
const RENEWS_BEFORE = 180 * 86_400_000;

const CALLED: Readonly<Record<ProofKind, string>> = {
  poll: 'Called Fleet',
  'token-update': 'Sent Fleet its push token',
  authenticate: 'Enrolled with Fleet anew',
  'command-result': 'Answered a command of Fleet’s',
  'api-contact': 'Called Fleet',
  'api-answer': 'Answered a command of Fleet’s',
};

/** @param readAt when the source was read, milliseconds since the epoch */
export function storyOf(
  evidence: DeviceEvidence,
  status: DeviceStatus,
  watch: DeviceWatch,
  readAt: number | null,
  now: number,
): DeviceStory {
  return {
    watch,
    proof: status.proof,
    importedAt: status.importedAt,
    attention: status.attention.map(({ code, sentence, remedy }) => ({ code, sentence, remedy })),
    events: eventsOf(evidence, status, readAt, now),
  };
}

function eventsOf(evidence: DeviceEvidence, status: DeviceStatus, readAt: number | null, now: number): WatchEvent[] {
  const { database, own, source } = evidence;
  const events: WatchEvent[] = [];
  const add = (at: number | null | undefined, event: Omit<WatchEvent, 'at'>): void => {
    if (at != null) events.push({ at, ...event });
  };
  add(source?.lastSeen, {
    side: 'old',
    title: 'Last called the old server',
    evidence: `As the old server’s database has it${readAt === null ? '' : `, read ${new Date(readAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`}.`,
    tone: status.attention.some(({ code }) => code === 'answered-old-server') ? 'caution' : 'quiet',
  });
  add(own?.writtenAt, {
    side: 'slipway',
    title: 'Rows written',
    evidence: 'By the journal, on this machine’s clock.',
    tone: 'info',
  });
  add(database === null ? null : status.importedAt, {
    side: 'fleet',
    title: 'Imported',
    evidence: 'created_at of its rows, on Fleet’s clock. Only what comes after this counts.',
    tone: 'info',
  });
  add(own?.switchedAt, {
    side: 'slipway',
    title: 'Led to Fleet',
    evidence: 'Its route was switched with its wave.',
    tone: 'info',
  });
  for (const proof of provenContacts(evidence)) add(proof.at, contactEvent(proof));

  const enrollment = database?.enrollment ?? null;
  const contacts = new Set(provenContacts(evidence).map(({ at }) => at));
  if (enrollment?.lastSeenAt != null && !contacts.has(enrollment.lastSeenAt)) {
    add(enrollment.lastSeenAt, {
      side: 'old',
      title: 'Written by the import as its last contact',
      evidence: 'nano_enrollments.last_seen_at holds a time taken from the old server. It proves nothing.',
      tone: 'quiet',
    });
  }
  if (enrollment !== null && !enrollment.enabled) {
    add(status.state === 'lost' ? status.since : enrollment.updatedAt, {
      side: 'fleet',
      title: 'Switched off in Fleet',
      evidence: 'nano_enrollments.enabled is 0; the time is when that row last changed.',
      tone: 'bad',
    });
  }
  if (database?.host?.mdmEnrolled === false) {
    add(database.host.mdmUpdatedAt, {
      side: 'fleet',
      title: 'Enrolled in no MDM, says the agent',
      evidence: 'host_mdm.enrolled is 0.',
      tone: 'bad',
    });
  }
  const certificate = database?.certificate ?? null;
  if (certificate !== null) {
    add(certificate.renewalSince, {
      side: 'fleet',
      title: 'Fleet sent a renewal',
      evidence: 'renew_command_uuid is set, and stands until the device has renewed.',
      tone: 'info',
    });
    if (certificate.notAfter !== null) {
      const renews = certificate.notAfter - RENEWS_BEFORE;
      if (renews > now) {
        add(renews, {
          side: 'ahead',
          title: 'Fleet renews its certificate from here on',
          evidence: '180 days before its end, where renewal is on.',
          tone: 'quiet',
        });
      }
      add(certificate.notAfter, {
        side: certificate.notAfter > now ? 'ahead' : 'fleet',
        title: certificate.notAfter > now ? 'Its certificate ends' : 'Its certificate ended',
        evidence: 'cert_not_valid_after of the certificate Fleet has tied to it.',
        tone: certificate.notAfter > now ? 'quiet' : 'bad',
      });
    }
  }
  return events.sort((one, other) => one.at - other.at);
}

function contactEvent({ kind, sentence }: Proof): Omit<WatchEvent, 'at'> {
  return { side: 'fleet', title: CALLED[kind], evidence: sentence, tone: 'good' };
}
