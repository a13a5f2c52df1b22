/** MDM commands as they are queued: just enough is read of them to say what they are. Their content is secret. */
import { isSignedData, unwrapSignedData } from '../certificates/cms';

/** Beyond this a payload is counted but not looked into. */
const MAX_PAYLOAD = 16 * 1024 * 1024;
const REQUEST_TYPE = '<key>RequestType</key>';
const PAYLOAD = '<key>Payload</key>';
const MDM_PAYLOAD = '<string>com.apple.mdm</string>';

/** The RequestType of a command plist, found without parsing it; null when there is none. */
export function requestTypeOf(payload: Buffer): string | null {
  if (payload.length > MAX_PAYLOAD) return null;
  const at = payload.indexOf(REQUEST_TYPE);
  if (at < 0) return null;
  const after = payload.toString('latin1', at + REQUEST_TYPE.length, at + REQUEST_TYPE.length + 160);
  return /^\s*<string>([A-Za-z]{1,64})<\/string>/.exec(after)?.[1] ?? null;
}

/** Whether an InstallProfile command installs a profile with a com.apple.mdm payload. */
export function carriesEnrollment(payload: Buffer): boolean {
  const key = payload.indexOf(PAYLOAD);
  const start = key < 0 ? -1 : payload.indexOf('<data>', key);
  const end = start < 0 ? -1 : payload.indexOf('</data>', start);
  if (end < 0 || payload.length > MAX_PAYLOAD) return false;
  const profile = Buffer.from(payload.toString('latin1', start + 6, end), 'base64');
  const plain = isSignedData(profile) ? (unwrapSignedData(profile) ?? profile) : profile;
  return plain.includes(MDM_PAYLOAD);
}
