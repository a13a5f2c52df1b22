/** What operators of each kind of old server call things, and where they find them: for sentences of checks and reports. */

export interface SourceWords {
  /** The old server by its name, as the subject of a sentence. */
  readonly server: string;
  /** How its newest state is read. */
  readonly readAgain: string;
  /** What holds its devices, in a sentence: `the old database`. */
  readonly store: string;
  /** What holds up new enrollments there, until the last wave has moved. */
  readonly freeze: string;
  /** Where the CA's certificate and key are. */
  readonly caPlace: string;
  /** Where the push certificate and its key are. */
  readonly pushPlace: string;
  /** Where the name devices call stands. */
  readonly namePlace: string;
  /** It keeps a list of profiles, so that what is not in it is not there. */
  readonly storesProfiles: boolean;
}

const GIVEN_CA =
  'Give the depot of its SCEP server (--scep-depot), or the CA’s certificate and key (--scep-ca, --scep-ca-key-file).';
const GIVEN_PUSH = 'Give the certificate and key the old server pushes with (--push-certificate, --push-key-file).';
const GIVEN_PROFILE =
  'Give the enrollment profile devices installed (--enrollment-profile), or run `sudo profiles show -output stdout-xml | grep -A1 ServerURL` on a Mac.';

const WORDS: Readonly<Record<string, SourceWords>> = {
  micromdm: {
    server: 'MicroMDM',
    readAgain: 'Read the running server’s database, or its /boltbackup, just before the import.',
    store: 'the old database',
    freeze:
      'Refuse /mdm/enroll and /ota/ at the load balancer before the last reading; the configurations of `slipway cutover config` do.',
    caPlace: 'Bring the CA’s certificate and key from where they are kept, and check that Fleet serves that CA.',
    pushPlace: 'Bring the certificate and key the old server pushes with.',
    namePlace:
      'Look at the old server’s -server-url, or run `sudo profiles show -output stdout-xml | grep -A1 ServerURL` on a Mac.',
    storesProfiles: true,
  },
  nanomdm: {
    server: 'NanoMDM',
    readAgain: 'Read NanoMDM’s own database or folder, not a copy, just before the import.',
    store: 'NanoMDM’s store',
    freeze:
      'Stop the SCEP server and whatever hands out the enrollment profile before the last reading: both are programs of their own, NanoMDM does neither. Run NanoMDM without -migration, which takes in enrollments by its API, and without -retro, which ties a certificate to a device at its next contact.',
    caPlace: GIVEN_CA,
    pushPlace: GIVEN_PUSH,
    namePlace: GIVEN_PROFILE,
    storesProfiles: false,
  },
  several: {
    server: 'The old servers',
    readAgain: 'Read all of the sources again just before the import.',
    store: 'the old servers’ stores',
    freeze: 'Hold up new enrollments at every one of the old servers before the last reading.',
    caPlace: 'Give each source its own CA; Fleet can hold one of them.',
    pushPlace: 'Give the source that has none its push certificate; Fleet can hold one.',
    namePlace: GIVEN_PROFILE,
    storesProfiles: true,
  },
};

const TABLE: SourceWords = {
  server: 'The old server',
  readAgain: 'Export the table from the old server again just before the import.',
  store: 'the old server’s own database',
  freeze:
    'Stop whatever hands out enrollment profiles and certificates at the old server before the table is exported for the last time: a device that enrols afterwards is not in it.',
  caPlace: GIVEN_CA,
  pushPlace: GIVEN_PUSH,
  namePlace: GIVEN_PROFILE,
  storesProfiles: false,
};

/** The words for a kind of source. */
export function wordsFor(kind: string): SourceWords {
  return WORDS[kind] ?? TABLE;
}
