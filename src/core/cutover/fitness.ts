/**
 * Would Fleet take a device that is led to it now? Asked of devices whose rows a migration may no longer write, because
 * Fleet or the device has touched them: they were at Fleet before, and may have changed at the old server since.
 */
import type { FleetConnection } from '../fleet/connection';
import { foldId, readDevices } from '../fleet/device-rows';
import type { TargetSchema } from '../fleet/schema';
import type { JudgedDevice } from '../migration/verdict';

export interface Unfit {
  readonly udid: string;
  /** `kept-disabled`, `kept-certificate-differs`, `kept-push-differs`. */
  readonly code: string;
  readonly sentence: string;
}

const BATCH = 500;

/** Those of the devices that Fleet would refuse, or could not push. */
export async function unfitDevices(
  connection: FleetConnection,
  schema: TargetSchema,
  devices: readonly JudgedDevice[],
): Promise<ReadonlyMap<string, Unfit>> {
  const unfit = new Map<string, Unfit>();
  for (let start = 0; start < devices.length; start += BATCH) {
    const batch = devices.slice(start, start + BATCH);
    const found = await readDevices(
      connection,
      schema,
      batch.flatMap(({ device }) => device.udid ?? []),
      { contacts: false },
    );
    for (const { device, formerCertificates } of batch) {
      const { udid, certificate, push } = device;
      if (udid === null) continue;
      const say = (code: string, sentence: string): void => void unfit.set(udid, { udid, code, sentence });
      const rows = found.get(udid)?.rows;
      const known = new Set(rows?.nano_cert_auth_associations.map((row) => row['sha256']));
      const enrollment = rows?.nano_enrollments.find((row) => foldId(String(row['id'])) === foldId(udid));
      if (enrollment?.['enabled'] !== 1) {
        say('kept-disabled', 'Its enrollment in Fleet is switched off, or gone.');
      } else if (certificate === null || !known.has(certificate.sha256)) {
        say(
          'kept-certificate-differs',
          'It has another certificate by now than Fleet knows, and Fleet would refuse it.',
        );
      } else if (formerCertificates.some(({ sha256 }) => !known.has(sha256))) {
        say(
          'kept-certificate-differs',
          'The old server accepts an earlier certificate of it that Fleet does not know; if it still uses that one, Fleet would refuse it.',
        );
      } else if (enrollment['topic'] !== push?.topic) {
        say('kept-push-differs', 'It listens on another push topic by now than Fleet knows.');
      }
    }
  }
  return unfit;
}
