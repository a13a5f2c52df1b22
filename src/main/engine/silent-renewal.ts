/**
 * Silent renewal on the engine's thread: the profiles the operator gave, the one that was made, and when it will be used.
 * The profile and Fleet's challenge stay here; what goes to the window is compared, masked, or a length and a hash.
 */
import { stat } from 'node:fs/promises';
import type {
  GivenProfile,
  JudgedProfileShown,
  RenewalBenchShown,
  RenewalForecastShown,
  RenewalForm,
} from '../../contract/renewal';
import { csvText } from '../../core/csv-text';
import { misused, refused } from '../../core/failure';
import { readGiven, PROFILE_LIMIT } from '../../core/given-file';
import { readHosts } from '../../core/fleet/hosts';
import { readRenewalStates } from '../../core/fleet/renewal-state';
import {
  base64Of,
  checkedRenewal,
  chooseBase,
  compareProfiles,
  environmentLine,
  forecastRenewals,
  maskedLines,
  parseServerUrl,
  readChallenge,
  readEnrollment,
  readInstalled,
  requireFitting,
  sha256Of,
  type CheckedRenewal,
  type Comparison,
  type Enrollment,
  type Forecast,
} from '../../core/profile';
import { Secret } from '../../core/secret';
import { textOf } from '../../core/sources/property-list';
import { replacePrivate } from '../private-file';
import { keyOf } from './asset-writing';
import type { EngineInput, EngineOutput } from './protocol';
import type { Workbench } from './workbench';

const MOST_INSTALLED = 100;
const MOST_WEEKS = 1_000;
/** UDIDs named beside an obstacle; the saved list has all. */
const MOST_UDIDS = 200;

interface Checked {
  readonly enrollment: Enrollment;
  readonly comparison: Comparison;
}

export class SilentRenewal {
  readonly #bench: Workbench;
  #installed: readonly Enrollment[] = [];
  #base: Enrollment | null = null;
  #anchor: { readonly file: string; readonly pem: Buffer } | null = null;
  #made: CheckedRenewal | null = null;
  #candidate: Enrollment | null = null;
  #forecast: Forecast | null = null;

  constructor(bench: Workbench) {
    this.#bench = bench;
  }

  forget(): void {
    this.#installed = [];
    this.#base = null;
    this.#anchor = null;
    this.#made = null;
    this.#candidate = null;
    this.#forecast = null;
  }

  /** The samples stay: they are the operator's. What was made or counted from the other reading goes. */
  sourceChanged(): void {
    this.#made = null;
    this.#forecast = null;
  }

  shown(): RenewalBenchShown {
    const made = this.#made;
    const checked = this.#checked();
    return {
      installed: this.#installed.map(profileOf),
      base: this.#base === null ? null : profileOf(this.#base),
      anchor: this.#anchor?.file ?? null,
      made: made === null ? null : judgedOf(made.base.name, made.enrollment, made.comparison),
      checked: checked === null ? null : judgedOf(checked.enrollment.name, checked.enrollment, checked.comparison),
    };
  }

  /** Takes profiles in. All of them are read before any counts, so that a wrong one changes nothing. */
  async give({ slot, add }: EngineInput<'giveProfiles'>): Promise<RenewalBenchShown> {
    const [first] = add;
    if (first === undefined) return this.shown();
    if (slot === 'anchor') this.#anchor = { file: first, pem: readProfile(first) };
    else if (slot === 'candidate') this.#candidate = readEnrollment(readProfile(first), first);
    else if (slot === 'base') this.#base = readInstalled(readProfile(first), first);
    else {
      const known = new Set(this.#installed.map(({ name }) => name));
      const more = add.filter((path) => !known.has(path));
      if (known.size + more.length > MOST_INSTALLED)
        misused(
          'profile/too-many-samples',
          `More than ${MOST_INSTALLED} profiles were given.`,
          'One of each kind of enrollment is enough.',
        );
      const read: Enrollment[] = [];
      for (const path of more) {
        if ((await stat(path).catch(() => null))?.isDirectory() === true)
          misused('profile/folder', `${path} is a folder.`, 'Give the profiles in it.');
        read.push(readInstalled(readProfile(path), path));
      }
      this.#installed = [...this.#installed, ...read];
    }
    // It was held against other samples, or made from another one.
    if (slot !== 'candidate') this.#made = null;
    return this.shown();
  }

  /** Puts one profile, or the whole of a slot, away. */
  remove({ slot, file }: EngineInput<'dropProfile'>): RenewalBenchShown {
    if (slot === 'anchor') this.#anchor = null;
    else if (slot === 'base') this.#base = null;
    else if (slot === 'candidate') this.#candidate = null;
    else this.#installed = file === null ? [] : this.#installed.filter(({ name }) => name !== file);
    if (slot !== 'candidate') this.#made = null;
    return this.shown();
  }

  /** Makes the profile and holds it against what is installed. Also one that does not fit is shown, but never saved. */
  async make(input: EngineInput<'makeRenewal'>): Promise<RenewalBenchShown> {
    this.#made = null;
    const challenge = await this.#challenge(input);
    const serverUrl = input.serverUrl === '' ? null : parseServerUrl(input.serverUrl);
    const snapshot = this.#bench.source?.snapshot ?? null;
    const base = chooseBase({
      from: this.#base,
      installed: this.#installed,
      snapshot,
      serverUrl,
      anchor: this.#anchor?.pem ?? null,
    });
    this.#made = checkedRenewal({
      base,
      serverUrl,
      challenge,
      installed: this.#installed,
      topic: snapshot?.push?.topic ?? null,
      allowOldChallenge: input.allowOldChallenge,
    });
    return this.shown();
  }

  /** Writes what was made, 0600. Refuses one that does not pass its own check. */
  async save({ form, path }: EngineInput<'saveRenewal'>): Promise<null> {
    const made = this.#requireMade();
    requireFitting(made);
    await replacePrivate(path, FORMS[form](made.xml));
    return null;
  }

  /** When renewal comes to whom. Fleet is asked for hosts and rows where there is one. */
  async forecast({ fleet, at }: EngineInput<'forecastRenewals'>): Promise<RenewalForecastShown> {
    const { snapshot, judgement, at: told, sample } = this.#bench.requireSource();
    const known = judgement.devices.map(({ device }) => device);
    const asked =
      fleet === null || fleet.kind === 'sample'
        ? { hosts: null, states: null }
        : await this.#bench.link.read(fleet, async ({ connection }) => ({
            hosts: await readHosts(connection, known),
            states: await readRenewalStates(
              connection,
              known.flatMap(({ udid }) => udid ?? []),
            ),
          }));
    this.#forecast = forecastRenewals({
      devices: judgement.devices,
      instant: snapshot.instant,
      at: at ?? (sample ? told : Date.now()),
      ...asked,
    });
    const { weeks, obstacles, ...counts } = this.#forecast;
    return {
      ...counts,
      fleetAsked: asked.hosts !== null,
      weeks: weeks.slice(0, MOST_WEEKS),
      obstacles: obstacles.map(({ udids, ...rest }) => ({ ...rest, udids: udids.slice(0, MOST_UDIDS) })),
    };
  }

  /** Every device that has an obstacle, as CSV. */
  async saveForecast({ path }: EngineInput<'saveForecast'>): Promise<EngineOutput<'saveForecast'>> {
    const forecast =
      this.#forecast ?? misused('profile/no-forecast', 'There is no forecast yet.', 'Make the forecast first.');
    const serials = new Map(
      this.#bench
        .requireSource()
        .judgement.devices.map(({ device: { udid, serial, name } }) => [udid, { serial, name }]),
    );
    const rows = forecast.obstacles.flatMap(({ code, never, udids }) =>
      udids.map((udid) => {
        const device = serials.get(udid);
        return [udid, device?.serial ?? null, device?.name ?? null, never ? 'never renewed' : 'perhaps', code];
      }),
    );
    await replacePrivate(path, csvText(['udid', 'serial', 'name', 'renewal', 'code'], rows));
    return { devices: rows.length };
  }

  #checked(): Checked | null {
    const enrollment = this.#candidate;
    if (enrollment === null) return null;
    const topic = this.#bench.source?.snapshot.push?.topic ?? null;
    return { enrollment, comparison: compareProfiles(enrollment, this.#installed, { topic }) };
  }

  async #challenge({ fleet, privateKey, challenge }: EngineInput<'makeRenewal'>): Promise<Secret> {
    if (challenge !== null) return new Secret('SCEP challenge', challenge);
    if (fleet === null || fleet.kind === 'sample')
      return refused(
        'profile/no-challenge',
        'Fleet’s SCEP challenge is not known; the old one is not carried over.',
        'Connect to Fleet, whose database holds it, or give the challenge itself.',
      );
    const key = keyOf(privateKey);
    return this.#bench.link.read(fleet, ({ connection }) => readChallenge(connection, key));
  }

  #requireMade(): CheckedRenewal {
    return this.#made ?? misused('profile/nothing-made', 'No profile has been made yet.', 'Make it first.');
  }
}

const FORMS: Readonly<Record<RenewalForm, (xml: Secret) => Buffer>> = {
  profile: (xml) => xml.reveal(),
  base64: (xml) => base64Of(xml).reveal(),
  environment: (xml) => Buffer.from(`${environmentLine(xml).revealText()}\n`),
};

function readProfile(path: string): Buffer {
  return readGiven('the profile', path, PROFILE_LIMIT, 'usage/secret-file');
}

function profileOf({ name, form, root, mdm, payloads }: Enrollment): GivenProfile {
  return {
    file: name,
    form,
    identifier: textOf(root, 'PayloadIdentifier'),
    serverUrl: mdm === null ? null : textOf(mdm, 'ServerURL'),
    payloads: payloads.length,
  };
}

function judgedOf(name: string, enrollment: Enrollment, comparison: Comparison): JudgedProfileShown {
  const { verdict, renews, groups, problems } = comparison;
  return {
    name,
    sha256: sha256Of(enrollment),
    length: enrollment.xml.length,
    comparison: { verdict, renews, groups: [...groups], problems: [...problems] },
    lines: maskedLines(enrollment),
  };
}
