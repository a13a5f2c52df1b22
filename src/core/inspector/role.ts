/** What a certificate is for, from its own fields and from what it issued. */
import type { Certificate } from '../certificates/der';
import { EXTENSION, readAltNames, readExtendedKeyUsage, readKeyUsage } from '../certificates/extension';
import type { Role } from './item';

/** The topic of an MDM push certificate: the UID Apple gave it; from its name where there is no UID. */
export function topicOf(certificate: Certificate): { topic: string | null; from: 'uid' | 'name' | null } {
  const uid = certificate.userId;
  if (uid?.startsWith('com.apple.mgmt')) return { topic: uid, from: 'uid' };
  const uuid = /^APSP:([0-9A-Za-z-]+)$/.exec(certificate.commonName ?? '')?.[1];
  return uuid === undefined ? { topic: null, from: null } : { topic: `com.apple.mgmt.External.${uuid}`, from: 'name' };
}

/** Which of Apple's push servers a certificate is for; Apple's own extensions say it. */
export function environmentOf(certificate: Certificate): 'production' | 'development' | null {
  if (certificate.extension(EXTENSION.applePushProduction)) return 'production';
  if (certificate.extension(EXTENSION.applePushDevelopment)) return 'development';
  return certificate.commonName?.startsWith('APSP:') === true ? 'production' : null;
}

/** What a certificate's own fields say; CAs are told apart later, by what they issued. */
export function roleOf(certificate: Certificate): Role {
  const { commonName, userId, subject, issuer } = certificate;
  if (userId?.startsWith('com.apple.mgmt') === true || commonName?.startsWith('APSP:') === true)
    return 'push-certificate';
  // A push certificate for apps is one too, only without an MDM topic.
  if (certificate.extension(EXTENSION.applePushProduction) ?? certificate.extension(EXTENSION.applePushDevelopment))
    return 'push-certificate';
  if (/^MDM Vendor\b/i.test(commonName ?? '')) return 'mdm-vendor';
  if (/\bdep[-_ ]token\b|^depserver$/i.test(commonName ?? '')) return 'abm';
  const purposes = readExtendedKeyUsage(certificate.extension(EXTENSION.extendedKeyUsage));
  const names = readAltNames(certificate.extension(EXTENSION.subjectAltName));
  const host = names.some((name) => name.startsWith('DNS:') || name.startsWith('IP Address:'));
  const server = purposes.includes('serverAuth') || (host && purposes.length === 0);
  // `openssl req -x509` says CA:TRUE in every certificate it makes, so with a purpose of its own that alone is no CA.
  const onlySaysCa = certificate.isCa && !maySignCertificates(certificate) && !/\bSCEP\b/i.test(subject);
  if (looksLikeCa(certificate) && !(onlySaysCa && (server || purposes.includes('clientAuth'))))
    return /\bSCEP\b/i.test(subject) ? 'scep-ca' : 'ca';
  if (server) return 'tls-server';
  if (purposes.includes('clientAuth')) return 'identity';
  if (/\bSCEP\b/i.test(issuer) || /\b(?:MDM|MicroMDM|NanoMDM|Device Management)\b.*\bIdentity\b/i.test(subject))
    return 'identity';
  return 'unknown';
}

/** It says that it is a CA, may sign certificates, or is a self-issued SCEP CA of old tools that said neither. */
function looksLikeCa(certificate: Certificate): boolean {
  if (certificate.isCa || maySignCertificates(certificate)) return true;
  return certificate.subjectDer.equals(certificate.issuerDer) && /\bSCEP\b/i.test(certificate.subject);
}

function maySignCertificates(certificate: Certificate): boolean {
  return readKeyUsage(certificate.extension(EXTENSION.keyUsage)).includes('keyCertSign');
}
