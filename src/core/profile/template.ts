/**
 * The enrollment profile MicroMDM makes itself when none is stored (spec/micromdm.md 5.7), as of v1.12: the payloads,
 * identifiers and settings its devices were enrolled with. UUIDs are random there at each download; these are derived.
 */
import { ENROLLMENT_IDENTIFIER } from '../sources/micromdm/profile';
import { dictionaryOf, enrollmentOf, MDM_TYPE, SCEP_TYPE, type Enrollment } from './enrollment';
import { derivedUuid } from './uuid';

/** What the template has places for. */
export interface TemplateValues {
  /** The server's base URL, without a slash at its end. */
  readonly serverUrl: string;
  readonly topic: string;
  /** PEM of the server's TLS certificate: MicroMDM ships it when it runs with one of its own (`-tls-cert`). */
  readonly anchor: Buffer | null;
}

/** MicroMDM's own enrollment profile; its SCEP payload carries no challenge. */
export function microMdmTemplate({ serverUrl, topic, anchor }: TemplateValues): Enrollment {
  const uuidOf = (part: string): string => derivedUuid('template', part, serverUrl, topic);
  const common = (type: string, part: string, texts: Readonly<Record<string, string>>): [string, string | number][] => [
    ...Object.entries(texts),
    ['PayloadIdentifier', part === '' ? ENROLLMENT_IDENTIFIER : `${ENROLLMENT_IDENTIFIER}.${part}`],
    ['PayloadType', type],
    ['PayloadUUID', uuidOf(part)],
    ['PayloadVersion', 1],
  ];
  const organization = { PayloadOrganization: 'MicroMDM' };
  const scep = dictionaryOf([
    ...common(SCEP_TYPE, 'scep', {
      PayloadDescription: 'Configures SCEP',
      PayloadDisplayName: 'SCEP',
      ...organization,
    }),
    [
      'PayloadContent',
      dictionaryOf([
        ['Key Type', 'RSA'],
        ['Key Usage', 5],
        ['Keysize', 2048],
        ['Name', 'Device Management Identity Certificate'],
        ['Subject', [[['O', 'MicroMDM']], [['CN', 'MicroMDM Identity (%ComputerName%)']]]],
        ['URL', `${serverUrl}/scep`],
      ]),
    ],
  ]);
  const mdm = dictionaryOf([
    ...common(MDM_TYPE, 'mdm', { PayloadDescription: 'Enrolls with the MDM server', ...organization }),
    ['AccessRights', 8191],
    ['CheckInURL', `${serverUrl}/mdm/checkin`],
    ['CheckOutWhenRemoved', true],
    ['IdentityCertificateUUID', uuidOf('scep')],
    ['ServerCapabilities', ['com.apple.mdm.per-user-connections', 'com.apple.mdm.bootstraptoken']],
    ['ServerURL', `${serverUrl}/mdm/connect`],
    ['SignMessage', true],
    ['Topic', topic],
  ]);
  const anchorTexts = {
    PayloadDescription: 'Installs the TLS certificate for MicroMDM',
    PayloadDisplayName: 'Self-signed TLS certificate for MicroMDM',
  };
  const anchors =
    anchor === null
      ? []
      : [
          dictionaryOf([
            ...common('com.apple.security.pkcs1', 'cert.selfsigned', anchorTexts),
            ['PayloadContent', anchor],
          ]),
        ];
  const rootTexts = {
    PayloadDescription: 'The server may alter your settings',
    PayloadDisplayName: 'Enrollment Profile',
    ...organization,
  };
  const root = dictionaryOf([...common('Configuration', '', rootTexts), ['PayloadContent', [scep, mdm, ...anchors]]]);
  return enrollmentOf(root, { name: 'MicroMDM’s own template', form: 'template', xml: Buffer.alloc(0) });
}
