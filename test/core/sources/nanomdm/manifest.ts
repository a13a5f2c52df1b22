/** What the makers of the real NanoMDM stores wrote down about them, and what follows for the contract of `read`. */
import { sharedJson } from '../../../shared-data';

export interface ManifestEnrollment {
  readonly kind: string;
  readonly enrollment_id: string;
  readonly type: 'Device' | 'User' | 'Shared iPad' | 'User Enrollment (Device)' | 'User Enrollment';
  readonly parent_device_id: string;
  readonly udid?: string;
  readonly user_id?: string;
  readonly user_short_name?: string;
  readonly user_long_name?: string;
  readonly serial?: string;
  readonly file_serial?: string;
  readonly name?: string;
  readonly product_name?: string;
  readonly model?: string;
  readonly model_name?: string;
  readonly os_version?: string;
  readonly build_version?: string;
  readonly imei?: string;
  readonly meid?: string;
  readonly has_enrollment_row: boolean;
  readonly enabled: boolean;
  readonly topic?: string;
  readonly push_magic?: string;
  readonly token_hex?: string;
  readonly unlock_token?: string;
  readonly filekv_unlock_token?: string;
  readonly bootstrap_token_b64?: string;
  readonly certs?: readonly {
    readonly sha256: string;
    readonly not_before: string;
    readonly not_after: string;
    readonly issuer: string;
    readonly in_depot: boolean;
  }[];
  readonly has_identity_cert: boolean;
  readonly commands?: readonly {
    readonly command_uuid: string;
    readonly request_type: string;
    readonly status: string;
    readonly active: boolean;
  }[];
}

export interface Manifest {
  readonly topic_current: string;
  readonly topic_old: string;
  readonly push_certs: readonly { readonly topic: string; readonly sha256: string; readonly not_after: string }[];
  readonly scep_ca: {
    readonly sha256: string;
    readonly subject: string;
    readonly not_after: string;
    readonly depot_key_password: string;
  };
  readonly summary: { readonly devices: number };
  readonly enrollments: readonly ManifestEnrollment[];
}

/** The clock of these tests: shortly after the stores were made, before the first certificate of theirs expires. */
export const AT = Date.parse('2026-11-24T02:15:00Z');

export type BackEnd = 'mysql' | 'postgres' | 'file' | 'filekv';

export function readManifest(name: string): Manifest {
  return sharedJson('nanomdm', name) as Manifest;
}

const isDevice = ({ type }: ManifestEnrollment): boolean => type === 'Device' || type === 'User Enrollment (Device)';
const or = (text: string | undefined): string | null => (text === undefined || text === '' ? null : text);
const time = (text: string): string => text.replace(/(\.0+)?(\+00:00|Z)$/, 'Z');

function platformOf({ product_name: product = '', enrollment_id: id }: ManifestEnrollment): string {
  if (/^iPad/.test(product)) return 'ipados';
  if (/^(iPhone|iPod)/.test(product)) return 'ios';
  if (/^(Mac|iMac|VirtualMac)/.test(product)) return 'darwin';
  return `unexpected product ${product} of ${id}`;
}

/** Commands that wait: active, and not answered but by NotNow. */
function waiting(enrollment: ManifestEnrollment): string[] {
  return (enrollment.commands ?? [])
    .filter(({ active, status }) => active && (status === '' || status === 'NotNow'))
    .map(({ request_type: type }) => type);
}

/** The devices of a manifest as the contract of `read --json` has them, without the judgement, by UDID. */
export function devicesOf(manifest: Manifest, backEnd: BackEnd, depot: boolean): Map<string, Record<string, unknown>> {
  const expected = new Map<string, Record<string, unknown>>();
  const channels = channelsOf(manifest);
  for (const device of manifest.enrollments.filter(isDevice)) {
    const certificate = device.certs?.at(-1);
    // The depot, or the certificate that lies with the device.
    const atHand = certificate !== undefined && ((depot && certificate.in_depot) || device.has_identity_cert);
    const unlock = backEnd === 'filekv' ? device.filekv_unlock_token : device.unlock_token;
    const serial = backEnd === 'file' ? device.file_serial : device.serial;
    const users = (channels.get(device.enrollment_id) ?? []).filter(
      ({ type, has_enrollment_row: enrolled }) => type === 'User' && enrolled,
    );
    expected.set(device.enrollment_id, {
      udid: device.enrollment_id,
      serial: or(serial),
      name: or(device.name),
      platform: platformOf(device),
      enrolled: device.enabled,
      topic: or(device.topic),
      tokenHex: or(device.token_hex),
      certificateSha256: certificate?.sha256 ?? null,
      certificateNotAfter: atHand ? time(certificate.not_after) : null,
      certificateInDepot: atHand,
      hasUnlockToken: or(unlock) !== null,
      hasBootstrapToken: or(device.bootstrap_token_b64) !== null,
      users: users
        .map(({ enrollment_id: id, user_short_name: name }) => ({
          id: id.slice(device.enrollment_id.length + 1),
          shortName: or(name),
        }))
        .sort(byId),
    });
  }
  return expected;
}

/** What the contract does not show: secrets, names, former certificates, what waits. */
export function secretsOf(manifest: Manifest, backEnd: BackEnd): Map<string, Record<string, unknown>> {
  const expected = new Map<string, Record<string, unknown>>();
  const byParent = channelsOf(manifest);
  for (const device of manifest.enrollments.filter(isDevice)) {
    const channels = [device, ...(byParent.get(device.enrollment_id) ?? [])];
    const requestTypes = channels.flatMap(waiting);
    expected.set(device.enrollment_id, {
      magic: or(device.push_magic),
      unlockToken: or(backEnd === 'filekv' ? device.filekv_unlock_token : device.unlock_token),
      bootstrapToken: or(device.bootstrap_token_b64),
      model: or(device.model),
      modelName: or(device.model_name),
      productName: or(device.product_name),
      osVersion: or(device.os_version),
      buildVersion: or(device.build_version),
      imei: or(device.imei),
      meid: or(device.meid),
      // The file stores accept the last certificate alone.
      former:
        backEnd === 'mysql' || backEnd === 'postgres'
          ? (device.certs ?? []).slice(0, -1).map(({ sha256 }) => sha256)
          : [],
      pending: { count: requestTypes.length, requestTypes: [...new Set(requestTypes)].sort() },
      users: channels
        .filter(({ type, has_enrollment_row: enrolled }) => type === 'User' && enrolled)
        .map((user) => ({
          id: user.enrollment_id.slice(device.enrollment_id.length + 1),
          longName: or(user.user_long_name),
          magic: or(user.push_magic),
          tokenHex: or(user.token_hex),
          topic: or(user.topic),
        }))
        .sort(byId),
    });
  }
  return expected;
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}

/** User channels by their device. */
function channelsOf(manifest: Manifest): Map<string, ManifestEnrollment[]> {
  const channels = new Map<string, ManifestEnrollment[]>();
  for (const enrollment of manifest.enrollments) {
    const known = channels.get(enrollment.parent_device_id);
    if (known === undefined) channels.set(enrollment.parent_device_id, [enrollment]);
    else known.push(enrollment);
  }
  return channels;
}
