/** Whether a package is the one that is meant: for this Fleet, this team, and fit for an MDM server to install. */
import { findTeam, type Team } from '../fleet/hosts';
import { ownerOfSecret, type EnrollSecret } from '../fleet/enroll-secrets';
import type { AgentPackage } from './package';

/** One thing about a package. */
export interface PackageProblem {
  readonly code:
    | 'not-fleetd'
    | 'not-told'
    | 'unsigned'
    | 'signature-wrong'
    | 'signer-expired'
    | 'not-an-installer-certificate'
    | 'not-a-distribution'
    | 'other-fleet'
    | 'other-team'
    | 'unknown-secret'
    | 'no-secret'
    | 'from-profile'
    | 'insecure'
    | 'updates-from-internet';
  readonly severity: 'error' | 'warning' | 'info';
  readonly sentence: string;
  readonly remedy: string;
}

/** What is meant; null where it is not known. */
export interface PackageIntent {
  readonly fleetUrl: string | null;
  /** Name or id; null: the global secret. Undefined: not said. */
  readonly team: string | null | undefined;
  readonly secrets: readonly EnrollSecret[] | null;
  readonly teams: readonly Team[];
  /** Milliseconds. */
  readonly at: number;
}

/** What was found out about the package’s team. */
export interface PackageJudgement {
  /** Null: not known. */
  readonly team: { readonly id: number | null; readonly name: string | null } | null;
  readonly problems: readonly PackageProblem[];
}

/** Judges. Errors mean: do not send it. */
export function judgePackage(found: AgentPackage, intent: PackageIntent): PackageJudgement {
  const problems: PackageProblem[] = [];
  const say = (
    code: PackageProblem['code'],
    severity: PackageProblem['severity'],
    sentence: string,
    remedy: string,
  ): void => void problems.push({ code, severity, sentence, remedy });
  const { signer } = found;
  if (!found.isDistribution)
    say(
      'not-a-distribution',
      'error',
      'It is a component package; a Mac installs distribution packages only when an MDM server asks.',
      'Wrap it (productbuild), or take the one fleetctl makes.',
    );
  if (signer === null)
    say(
      'unsigned',
      'error',
      'It is not signed; a Mac does not install an unsigned package for an MDM server.',
      'Sign it with a Developer ID Installer certificate (productsign, or fleetctl package --sign-identity), and have it notarised.',
    );
  else {
    if (!signer.isValid)
      say(
        'signature-wrong',
        'error',
        'Its signature does not fit it, or could not be checked.',
        'Take a new copy, or sign it again.',
      );
    if (signer.notAfter > 0 && signer.notAfter < intent.at)
      say(
        'signer-expired',
        'warning',
        'The certificate it was signed with has ended; only a time stamp in the signature keeps it valid.',
        'Try it with one Mac, or sign it again.',
      );
    if (!/^(?:3rd Party Mac Developer|Developer ID) Installer: /.test(signer.name))
      say(
        'not-an-installer-certificate',
        'warning',
        `It is signed by “${signer.name}”, which is no Developer ID Installer certificate.`,
        'Macs take it only where that certificate’s CA was trusted before by a profile.',
      );
  }
  if (!found.isFleetd) {
    if (found.unread === null)
      say(
        'not-fleetd',
        'error',
        'It does not hold fleetd (no launch daemon com.fleetdm.orbit).',
        'Name the package fleetctl made.',
      );
    else
      say(
        'not-told',
        'warning',
        'Its payload is packed in a way that cannot be read here, so for which Fleet and team it is cannot be told.',
        'Install it on one Mac and look where it appears in Fleet before it goes to others.',
      );
    return { team: null, problems };
  }
  if (found.usesProfile && found.fleetUrl === null)
    say(
      'from-profile',
      'info',
      'It takes Fleet’s address and the enroll secret from the profile com.fleetdm.fleetd.config: without it on the Mac the agent enrolls nowhere.',
      'Send that profile first, through the old server.',
    );
  else if (intent.fleetUrl !== null && found.fleetUrl !== null && placeOf(found.fleetUrl) !== placeOf(intent.fleetUrl))
    say(
      'other-fleet',
      'error',
      `Its agents call ${shown(found.fleetUrl)}, not ${shown(intent.fleetUrl)}.`,
      'Make the package again for the right Fleet.',
    );
  if (found.insecure)
    say(
      'insecure',
      'error',
      'Its agents do not check Fleet’s certificate (--insecure).',
      'Make it again without; give a private CA with --fleet-certificate.',
    );
  if (
    !found.updatesDisabled &&
    found.updateUrl !== null &&
    /updates\.fleetdm\.com|tuf\.fleetctl\.com/.test(found.updateUrl)
  )
    say(
      'updates-from-internet',
      'info',
      `Its agents fetch updates of themselves from ${shown(found.updateUrl)}.`,
      'Where Macs must not go there, use a mirror (--update-url, --update-roots) or --disable-updates.',
    );
  const { team, more } = teamOf(found, intent);
  problems.push(...more);
  const weight = { error: 0, warning: 1, info: 2 } as const;
  return { team, problems: problems.toSorted((a, b) => weight[a.severity] - weight[b.severity]) };
}

function teamOf(
  found: AgentPackage,
  { secrets, teams, team }: PackageIntent,
): { team: PackageJudgement['team']; more: PackageProblem[] } {
  if (found.enrollSecret === null) {
    if (found.usesProfile) return { team: null, more: [] };
    return {
      team: null,
      more: [
        {
          code: 'no-secret',
          severity: found.unread === null ? 'error' : 'warning',
          sentence:
            found.unread === null
              ? 'It holds no enroll secret.'
              : 'Its enroll secret was not found in the part that could be read.',
          remedy: 'Make the package again with the team’s enroll secret.',
        },
      ],
    };
  }
  if (secrets === null) return { team: null, more: [] };
  const owner = ownerOfSecret(secrets, found.enrollSecret);
  if (owner === null)
    return {
      team: null,
      more: [
        {
          code: 'unknown-secret',
          severity: 'error',
          sentence: 'Its enroll secret is none of this Fleet’s: its agents would be refused.',
          remedy: 'Make the package again with a secret Fleet has now; secrets change when they are rotated.',
        },
      ],
    };
  const is = { id: owner.teamId, name: owner.teamName };
  if (team === undefined) return { team: is, more: [] };
  const wanted = team === null ? null : findTeam(teams, team);
  if ((wanted?.id ?? null) === owner.teamId) return { team: is, more: [] };
  return {
    team: is,
    more: [
      {
        code: 'other-team',
        severity: 'error',
        sentence: `Its enroll secret is that of ${owner.teamName === null ? 'hosts without a team' : `team ${owner.teamName}`}, not of ${wanted === null ? 'hosts without a team' : `team ${wanted.name}`}: Macs would get the other one’s profiles.`,
        remedy: 'Make the package again with the right team’s secret.',
      },
    ],
  };
}

/** Host, port and path, so that equal places are equal texts. */
function placeOf(text: string): string {
  const whole = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`;
  if (!URL.canParse(whole)) return text.toLowerCase();
  const url = new URL(whole);
  return `${url.host.toLowerCase()}${url.pathname.replace(/\/+$/, '')}`;
}

function shown(text: string): string {
  return text
    .replace(/[^\x20-\x7e]/g, '?')
    .replace(/\/\/[^/]*@/, '//…@')
    .slice(0, 200);
}
