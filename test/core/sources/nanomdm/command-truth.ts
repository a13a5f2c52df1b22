// Commands in NanoMDM's stores: what their makers wrote down of them, and how one is stored.
import { sharedJson } from '../../../shared-data';

interface Truth {
  readonly enrollment_id: string;
  readonly commands?: readonly { command_uuid: string; request_type: string; status: string; active: boolean }[];
}

export const DEVICES = [
  '2FBF3BB1-0BDD-4933-92FB-EC9531ABB0B2',
  '7E0B0394-9B53-4B00-89EF-B894884C1DF4',
  '0F911D7A-9633-4FC0-91E1-69DD3C26A892',
] as const;

/** A command as NanoMDM stores it. */
export function installation(uuid: string, inner: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict><key>Command</key><dict>${inner}</dict><key>CommandUUID</key><string>${uuid}</string></dict></plist>`;
}
/** An InstallProfile inside it. */
export function profilePayload(identifier: string, name: string): string {
  const body = `<?xml version="1.0"?><plist version="1.0"><dict><key>PayloadType</key><string>Configuration</string><key>PayloadIdentifier</key><string>${identifier}</string><key>PayloadDisplayName</key><string>${name}</string><key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.dock</string></dict></array></dict></plist>`;
  return `<key>Payload</key><data>${Buffer.from(body).toString('base64')}</data><key>RequestType</key><string>InstallProfile</string>`;
}
/** A RemoveProfile inside it. */
export const removalPayload = (identifier: string): string =>
  `<key>Identifier</key><string>${identifier}</string><key>RequestType</key><string>RemoveProfile</string>`;

export const byDeviceAndUuid = (a: { udid: string; uuid: string }, b: { udid: string; uuid: string }): number =>
  a.udid + a.uuid < b.udid + b.uuid ? -1 : 1;

/** What the manifest says of every command; the file stores forget those that were dropped, or only they do. */
export function commandTruth(): { udid: string; uuid: string; state: string }[] {
  const { enrollments } = sharedJson('nanomdm', 'manifest.json') as { enrollments: readonly Truth[] };
  return enrollments
    .flatMap(({ enrollment_id: udid, commands = [] }) =>
      commands.map(({ command_uuid: uuid, status, active }) => ({
        udid,
        uuid,
        state: !active ? 'dropped' : ({ '': 'waiting', NotNow: 'deferred', Acknowledged: 'done' }[status] ?? 'refused'),
      })),
    )
    .sort(byDeviceAndUuid);
}
