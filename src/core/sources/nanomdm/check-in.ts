/** What a device's own messages say: Authenticate and TokenUpdate, as the server stored them (spec 6.2, 6.6). */
import { asDictionary, readPropertyList, textOf } from '../property-list';

/** The facts of an Authenticate. Null: not in the message. */
export interface AuthenticateFacts {
  readonly udid: string | null;
  /** In place of a UDID: a User Enrollment. */
  readonly enrollmentId: string | null;
  readonly serial: string | null;
  readonly name: string | null;
  readonly model: string | null;
  readonly modelName: string | null;
  readonly productName: string | null;
  readonly osVersion: string | null;
  readonly buildVersion: string | null;
  readonly imei: string | null;
  readonly meid: string | null;
}

/** The facts of a TokenUpdate, of either channel. */
export interface TokenUpdateFacts {
  readonly udid: string | null;
  readonly enrollmentId: string | null;
  readonly userId: string | null;
  readonly enrollmentUserId: string | null;
  readonly shortName: string | null;
  readonly longName: string | null;
  readonly topic: string;
  readonly pushMagic: string;
  /** Lower-case hex. */
  readonly tokenHex: string;
  readonly unlockToken: Buffer | null;
  readonly awaitingConfiguration: boolean;
}

/** Null when the message is no property list, or another message. */
export function readAuthenticate(message: Buffer): AuthenticateFacts | null {
  const root = asDictionary(readPropertyList(message));
  if (root === null || textOf(root, 'MessageType') !== 'Authenticate') return null;
  const text = (key: string): string | null => textOf(root, key) || null;
  return {
    udid: text('UDID'),
    enrollmentId: text('EnrollmentID'),
    serial: text('SerialNumber'),
    name: text('DeviceName'),
    model: text('Model'),
    modelName: text('ModelName'),
    productName: text('ProductName'),
    osVersion: text('OSVersion'),
    buildVersion: text('BuildVersion'),
    imei: text('IMEI'),
    meid: text('MEID'),
  };
}

/** Null when the message is no property list, or another message. */
export function readTokenUpdate(message: Buffer): TokenUpdateFacts | null {
  const root = asDictionary(readPropertyList(message));
  if (root === null || textOf(root, 'MessageType') !== 'TokenUpdate') return null;
  const text = (key: string): string | null => textOf(root, key) || null;
  const bytes = (key: string): Buffer | null => {
    const value = root[key];
    return Buffer.isBuffer(value) && value.length > 0 ? value : null;
  };
  return {
    udid: text('UDID'),
    enrollmentId: text('EnrollmentID'),
    userId: text('UserID'),
    enrollmentUserId: text('EnrollmentUserID'),
    shortName: text('UserShortName'),
    longName: text('UserLongName'),
    topic: text('Topic') ?? '',
    pushMagic: text('PushMagic') ?? '',
    tokenHex: bytes('Token')?.toString('hex') ?? '',
    unlockToken: bytes('UnlockToken'),
    awaitingConfiguration: root['AwaitingConfiguration'] === true,
  };
}
