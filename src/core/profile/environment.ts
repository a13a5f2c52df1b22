/** The profile as Fleet takes it: standard base64 of the raw XML in an environment variable (spec/fleet.md 3.5). */
import { Secret } from '../secret';
import { VARIABLE } from './enrollment';

/** Linux holds one environment string to 128 KiB, name and final zero included (MAX_ARG_STRLEN): exec fails beyond. */
const LONGEST_STRING = 131_072;

/** The base64 alone. */
export function base64Of(xml: Secret): Secret {
  return new Secret('enrollment profile, base64', xml.reveal().toString('base64'));
}

/** The line for an environment file, without a line break. Base64 needs no quotes in any of them. */
export function environmentLine(xml: Secret): Secret {
  return new Secret('environment line', `${VARIABLE}=${xml.reveal().toString('base64')}`);
}

/** Whether a profile of this many bytes can be handed to a process at all. */
export function fitsEnvironment(bytes: number): boolean {
  return VARIABLE.length + 2 + Math.ceil(bytes / 3) * 4 <= LONGEST_STRING;
}
