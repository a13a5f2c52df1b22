/**
 * Which team of Fleet a device shall be placed in (`nano_devices.enroll_team_id`).
 *
 * iPhones and iPads have no agent that would enrol them with a team's secret: Fleet places them by this column when it
 * creates their host. A map is a CSV file with a header, `serial,team` or `blueprint,team` (both may stand in one file
 * as `serial,blueprint,team`); a serial number's own line wins over a blueprint's.
 */
import { csvRecords } from '../csv-text';
import { misused } from '../failure';
import { findTeam, type Team } from '../fleet/hosts';
import type { Snapshot, SourceDevice } from '../sources/snapshot';

/** One line of a team map. Exactly one of serial and blueprint is set. */
export interface TeamRule {
  /** Line in the file, for messages. */
  readonly line: number;
  readonly serial: string | null;
  readonly blueprint: string | null;
  /** Name or id as written. */
  readonly team: string;
}

const LIMIT_BYTES = 64 * 1_048_576;

/**
 * Reads a team map.
 * @throws usage/team-map with line and column when a line cannot be understood
 */
export function parseTeamMap(text: string): TeamRule[] {
  if (Buffer.byteLength(text) > LIMIT_BYTES) wrong('The team map is larger than 64 MiB.');
  const records = csvRecords(text, (why) => wrong(`The team map is not a CSV file: ${why}.`));
  const seen = new Map<string, number>();
  return records.map(({ record, line }) => {
    const unknown = Object.keys(record).find((column) => !['serial', 'blueprint', 'team'].includes(column));
    if (unknown !== undefined) wrong(`The team map has a column «${unknown.slice(0, 60)}».`);
    const serial = record['serial'] ?? '';
    const blueprint = record['blueprint'] ?? '';
    const team = record['team'] ?? '';
    if (team === '') wrong(`Line ${line} of the team map names no team.`);
    if ((serial === '') === (blueprint === '')) {
      wrong(`Line ${line} of the team map must name either a serial number or a blueprint.`);
    }
    const key = serial === '' ? `b:${blueprint}` : `s:${serial.toLowerCase()}`;
    const earlier = seen.get(key);
    if (earlier !== undefined) wrong(`Line ${line} of the team map repeats line ${earlier}.`);
    seen.set(key, line);
    return { line, serial: serial === '' ? null : serial, blueprint: blueprint === '' ? null : blueprint, team };
  });
}

/**
 * Resolves a team map against the source's blueprints and the target's teams.
 * @param teams Fleet's teams; null offline, where only ids can be used
 * @returns the team of a device, or null for none
 * @throws usage/team-map; fleet/unknown-team, fleet/ambiguous-team
 */
export function teamResolver(
  rules: readonly TeamRule[],
  snapshot: Snapshot,
  teams: readonly Team[] | null,
): (device: SourceDevice) => number | null {
  const bySerial = new Map<string, number>();
  let everyone: number | null = null;
  for (const rule of rules) {
    const team = teamId(rule, teams);
    if (rule.serial !== null) {
      bySerial.set(rule.serial.toLowerCase(), team);
      continue;
    }
    const blueprint = snapshot.blueprints.find(({ name }) => name === rule.blueprint);
    if (blueprint === undefined) wrong(`Line ${rule.line} of the team map names a blueprint the source does not have.`);
    if (!blueprint.appliesAtEnroll) {
      wrong(`The blueprint in line ${rule.line} of the team map is applied to no device at enrollment.`);
    }
    // MicroMDM applies such a blueprint to every device that enrols: two of them cannot name two teams.
    if (everyone !== null && everyone !== team)
      wrong(`Line ${rule.line} of the team map gives every device a second team.`);
    everyone = team;
  }
  return (device) => bySerial.get(device.serial?.trim().toLowerCase() ?? '') ?? everyone;
}

function teamId(rule: TeamRule, teams: readonly Team[] | null): number {
  if (teams === null) {
    if (/^[1-9]\d{0,9}$/.test(rule.team)) return Number(rule.team);
    return wrong(
      `Line ${rule.line} of the team map names a team; without a connection to Fleet it must be the team’s id.`,
    );
  }
  return findTeam(teams, rule.team).id;
}

function wrong(message: string): never {
  return misused(
    'usage/team-map',
    message,
    'A team map is a CSV file with the header serial,team or blueprint,team; teams are names or ids of Fleet’s.',
  );
}
