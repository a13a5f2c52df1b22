/** What is known of payload types: which there may be one of, which carry the network, an identity, trust, or disk encryption. */

/**
 * Types of which Apple’s reference allows one a device: with two, which of them holds is not defined. Types that combine
 * (restrictions, password policies, certificates, Wi-Fi, system extensions, privacy) are not here.
 */
const ONE_PER_DEVICE: ReadonlySet<string> = new Set([
  'com.apple.security.FDERecoveryKeyEscrow',
  'com.apple.security.FDERecoveryRedirect',
  'com.apple.MCX.FileVault2',
  'com.apple.MCX.TimeMachine',
  'com.apple.SoftwareUpdate',
  'com.apple.proxy.http.global',
  'com.apple.app.lock',
  'com.apple.homescreenlayout',
  'com.apple.shareddeviceconfiguration',
  'com.apple.conferenceroomdisplay',
  'com.apple.security.firewall',
  'com.apple.loginwindow',
  'com.apple.screensaver',
  'com.apple.dock',
  'com.apple.desktop',
  'com.apple.finder',
  'com.apple.SetupAssistant.managed',
  'com.apple.SubmitDiagInfo',
  'com.apple.DirectoryService.managed',
  'com.apple.security.smartcard',
  'com.apple.xsan',
  'com.apple.networkusagerules',
  'com.apple.notificationsettings',
  'com.apple.tvremote',
]);

const NETWORK: Readonly<Record<string, string>> = {
  'com.apple.wifi.managed': 'Wi-Fi',
  'com.apple.firstactiveethernet.managed': 'wired network (802.1X)',
  'com.apple.firstethernet.managed': 'wired network (802.1X)',
  'com.apple.secondactiveethernet.managed': 'wired network (802.1X)',
  'com.apple.secondethernet.managed': 'wired network (802.1X)',
  'com.apple.thirdactiveethernet.managed': 'wired network (802.1X)',
  'com.apple.thirdethernet.managed': 'wired network (802.1X)',
  'com.apple.globalethernet.managed': 'wired network (802.1X)',
  'com.apple.vpn.managed': 'VPN',
  'com.apple.vpn.managed.applayer': 'VPN',
  'com.apple.vpn.managed.appmapping': 'VPN',
  'com.apple.proxy.http.global': 'proxy',
  'com.apple.SystemConfiguration': 'proxy',
  'com.apple.dnsSettings.managed': 'DNS',
  'com.apple.dnsProxy.managed': 'DNS',
  'com.apple.relay.managed': 'network relay',
  'com.apple.cellular': 'mobile network',
  'com.apple.webcontent-filter': 'content filter',
};

const IDENTITY: ReadonlySet<string> = new Set([
  'com.apple.security.scep',
  'com.apple.security.acme',
  'com.apple.security.pkcs12',
  'com.apple.ADCertificate.managed',
]);

const TRUST: ReadonlySet<string> = new Set([
  'com.apple.security.root',
  'com.apple.security.pkcs1',
  'com.apple.security.pem',
  'com.apple.security.certificatetransparency',
]);

/** Fleet keeps disk encryption to itself: a profile with one of these is refused (its own screening of payloads). */
const DISK_ENCRYPTION: ReadonlySet<string> = new Set([
  'com.apple.security.FDERecoveryKeyEscrow',
  'com.apple.MCX.FileVault2',
  'com.apple.security.FDERecoveryRedirect',
]);

/** True when a device may have one payload of this type only. */
export function isExclusive(type: string): boolean {
  return ONE_PER_DEVICE.has(type);
}

/** What network a payload of this type carries, in words; null when none. */
export function networkOf(type: string): string | null {
  return Object.hasOwn(NETWORK, type) ? (NETWORK[type] ?? null) : null;
}

/** True for payloads that bring a certificate with its key. */
export function isIdentity(type: string): boolean {
  return IDENTITY.has(type);
}

/** True for payloads that make a device trust a certificate. */
export function isTrust(type: string): boolean {
  return TRUST.has(type);
}

/** True for payloads of FileVault and its recovery key. */
export function isDiskEncryption(type: string): boolean {
  return DISK_ENCRYPTION.has(type);
}
