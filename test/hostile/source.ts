/** MicroMDM databases in which every text is hostile. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeMicroMdm, type DeviceSpec, type WrittenMicroMdm } from '../micromdm-writer';
import { CANARY, HOSTILE_BYTES, HOSTILE_NAMES } from './names';

/** A device that may be moved, by the place of its text in {@link HOSTILE_NAMES}. */
export function hostileUdid(index: number): string {
  return `0BADC0DE-0000-4000-8000-${index.toString(16).toUpperCase().padStart(12, '0')}`;
}

/**
 * One device for each hostile text, which is its name, serial number, model, and its user's names; one for each whose
 * UDID it is; some whose names are no UTF-8. Profiles, blueprints, tokens and commands are called the same things.
 */
export function writeHostile(path: string): WrittenMicroMdm {
  const named = HOSTILE_NAMES.map((text, index): DeviceSpec => ({
    udid: hostileUdid(index),
    name: text,
    serial: text,
    model: text,
    ...(index % 2 === 0 ? { productName: text } : {}),
    users: [{ id: `USER-${index}`, shortName: text, longName: text }],
    certificate: { commonName: text },
    ...(index % 3 === 0 ? { bootstrapToken: Buffer.from(text) } : {}),
    commands: [{ requestType: 'InstallProfile', profile: profileOf(text) }],
  }));
  const identified = HOSTILE_NAMES.filter((text) => text !== '').map((text): DeviceSpec => ({
    udid: text,
    name: 'a name',
    certificate: { commonName: 'a name' },
  }));
  const misspelt = HOSTILE_BYTES.map((rawName, index): DeviceSpec => ({ udid: hostileUdid(500 + index), rawName }));
  const some = HOSTILE_NAMES.filter((text) => text !== '' && text.length < 500);
  return writeMicroMdm(path, {
    seed: 'hostile',
    sign: 'real',
    extra: [...named, ...identified, ...misspelt],
    profiles: some.map((text) => ({ identifier: text, body: profileOf(text) })),
    blueprints: some.map((text) => ({ name: text, profiles: [text] })),
    depTokens: some.slice(0, 20),
    depKeyPair: true,
    blocked: some.slice(0, 10),
  });
}

/** A profile that calls itself so. */
function profileOf(text: string): string {
  const escaped = text
    // What no XML can hold is left out, as any tool that makes profiles leaves it out.
    // eslint-disable-next-line no-control-regex -- control characters are what it looks for
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
  return `<?xml version="1.0"?><plist version="1.0"><dict><key>PayloadIdentifier</key><string>${escaped}</string><key>PayloadDisplayName</key><string>${escaped}</string><key>PayloadType</key><string>Configuration</string><key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.dock</string><key>PayloadIdentifier</key><string>${escaped}</string><key>${escaped}</key><string>${escaped}</string></dict></array></dict></plist>`;
}

let made: Buffer | null = null;

/** A small database with something in every bucket. */
export function microMdmBytes(): Buffer {
  if (made !== null) return made;
  const folder = mkdtempSync(join(tmpdir(), 'slipway-hostile-'));
  try {
    const { path } = writeMicroMdm(join(folder, 'micromdm.db'), {
      seed: 'fuzz',
      pageSize: 1024,
      unlockTokenBytes: 40,
      extra: [
        {
          kind: 'ipad',
          name: 'iPad',
          unlockToken: Buffer.from(CANARY),
          push: { magic: CANARY, token: 'ab'.repeat(32) },
          commands: [{ requestType: 'InstallProfile', profile: profileOf(CANARY) }],
        },
        { name: 'Mac', bootstrapToken: Buffer.from(CANARY), users: [{ id: 'U1' }, { id: 'U2' }], olderCertificates: 1 },
        { udid: null, serial: 'DEPONLY' },
        { name: 'Gone', enrolled: false },
      ],
      profiles: [{ identifier: 'org.example', body: profileOf('org.example') }],
      blueprints: [{ name: 'all', profiles: ['org.example'] }],
      depTokens: [CANARY],
      blocked: ['X'],
      orphans: 1,
      superseded: 1,
    });
    made = readFileSync(path);
    return made;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
