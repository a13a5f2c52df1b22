/**
 * Snapshots made up for tests: any number of devices in all shapes a real source has, the same ones for the same seed.
 * Certificates are any bytes with the validity fields a source would have read from them.
 */
import { createHash } from 'node:crypto';
import { Secret } from '../src/core/secret';
import type {
  DeviceCertificate,
  KeyedCertificate,
  Platform,
  PushIdentity,
  Snapshot,
  SourceDevice,
  SourceUser,
} from '../src/core/sources/snapshot';

/** The instant every built snapshot speaks of: 2026-09-01T12:00:00Z. */
export const INSTANT = Date.UTC(2026, 8, 1, 12);
/** When tests judge it. */
export const JUDGED_AT = INSTANT + 3_600_000;
export const TOPIC = 'com.apple.mgmt.External.0b5f3e0c-5d3a-4c1e-9a56-7f0e0c7d1a11';

const DAY_MS = 86_400_000;

/** A small generator of numbers that only look random. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count);
    for (let at = 0; at < count; at += 4) bytes.writeUInt32LE(this.next(), Math.min(at, Math.max(0, count - 4)));
    return bytes;
  }

  uuid(): string {
    const hex = this.bytes(16).toString('hex').toUpperCase();
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}

const NAMES = [
  'Anna’s MacBook Pro',
  "O'Brien \\ Mac",
  'Rechner "Küche" & <Bad>',
  '東京 iPhone 📱',
  'plain',
  '😀😀 100% _|_ ‹›',
] as const;

function certificateOf(dice: Dice, age: number): DeviceCertificate {
  const der = dice.bytes(900);
  return {
    sha256: createHash('sha256').update(der).digest('hex'),
    inDepot: true,
    der,
    notBefore: INSTANT - age * DAY_MS,
    notAfter: INSTANT + (365 - age) * DAY_MS,
    commonName: null,
    issuedByCa: true,
  };
}

function pushOf(dice: Dice): PushIdentity {
  return {
    topic: TOPIC,
    magic: new Secret('push magic', dice.uuid()),
    tokenHex: dice.bytes(32).toString('hex'),
    from: 'push-info',
  };
}

function userOf(dice: Dice, number: number): SourceUser {
  return {
    id: dice.uuid(),
    shortName: `user${number}`,
    longName: number % 2 === 0 ? `Üser ${number} O'Neill` : null,
    push: pushOf(dice),
    tokenMatches: true,
    superseded: false,
  };
}

/** One device; its shape depends on its number, its bytes on number and seed. */
export function buildDevice(number: number, seed = 1): SourceDevice {
  const dice = new Dice(seed * 1_000_003 + number * 7919);
  const kind = number % 5;
  const platform: Platform = kind === 3 ? 'ios' : kind === 4 ? 'ipados' : 'darwin';
  const mobile = platform !== 'darwin';
  const udid = mobile ? dice.bytes(20).toString('hex') : dice.uuid();
  const users = mobile ? 0 : number % 3;
  return {
    recordId: dice.uuid().toLowerCase(),
    udid,
    serial: number % 11 === 10 && !mobile ? null : `C02${String(number).padStart(9, '0')}`,
    name: NAMES[number % NAMES.length] ?? null,
    model: mobile ? 'MG6X3LL/A' : 'MacBookPro18,1',
    modelName: mobile ? (platform === 'ios' ? 'iPhone' : 'iPad') : 'MacBook Pro',
    productName: mobile ? (platform === 'ios' ? 'iPhone14,2' : 'iPad13,4') : 'MacBookPro18,1',
    osVersion: '26.0',
    buildVersion: '25A354',
    imei: platform === 'ios' ? `35 ${String(number).padStart(6, '0')} 0 5` : null,
    meid: null,
    platform,
    enrolled: true,
    awaitingConfiguration: false,
    lastSeen: BigInt(INSTANT - (number % 40) * 3_600_000 - (dice.next() % 3_600_000)) * 1_000_000n,
    push: pushOf(dice),
    certificate: certificateOf(dice, number % 200),
    unlockToken: mobile ? new Secret('unlock token', dice.bytes(3_000 + (number % 900))) : null,
    bootstrapToken: !mobile && number % 2 === 0 ? new Secret('bootstrap token', dice.bytes(200)) : null,
    users: Array.from({ length: users }, (_, at) => userOf(dice, at)),
    pending: { count: 0, requestTypes: [], enrollmentProfile: false },
    blockedAtSource: false,
    reasons: [],
  };
}

/** A whole snapshot of these devices. */
export function snapshotOf(devices: readonly SourceDevice[], nextSerial: bigint | null = null): Snapshot {
  const dice = new Dice(99);
  const keyed = (subject: string): KeyedCertificate => {
    const der = dice.bytes(800);
    return {
      der,
      sha256: createHash('sha256').update(der).digest('hex'),
      subject,
      notBefore: INSTANT - 1_000 * DAY_MS,
      notAfter: INSTANT + 2_000 * DAY_MS,
      keyType: 'RSA',
      keyBits: 2_048,
      key: null,
      keyMatches: true,
    };
  };
  return {
    source: {
      kind: 'micromdm',
      path: '/made/up/micromdm.db',
      sha256: 'ab'.repeat(32),
      txid: 7,
      pageSize: 4_096,
      size: 1,
      retries: 0,
    },
    instant: INSTANT,
    scepCa: { ...keyed('OU=MICROMDM SCEP CA,O=MicroMDM,C=US'), isCa: true, nextSerial },
    push: { ...keyed('CN=APSP'), topic: TOPIC },
    abmKeyPair: null,
    abmTokens: [],
    profiles: [],
    enrollmentProfile: null,
    blueprints: [],
    devices,
    findings: [],
  };
}

/** A snapshot of so many devices in all shapes, all of them ready. */
export function buildSnapshot(count: number, seed = 1): Snapshot {
  return snapshotOf(
    Array.from({ length: count }, (_, number) => buildDevice(number, seed)),
    BigInt(count + 2),
  );
}

/** The same device with a renewed certificate, a later contact and a new name: what a refresh has to carry over. */
export function renewed(device: SourceDevice, seed = 5): SourceDevice {
  const dice = new Dice(seed + createHash('sha256').update(device.recordId).digest().readUInt32LE());
  return {
    ...device,
    name: `${device.name ?? ''} renamed`,
    certificate: certificateOf(dice, 0),
    lastSeen: BigInt(INSTANT - 60_000) * 1_000_000n,
  };
}
