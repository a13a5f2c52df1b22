/** Where devices stand with the agent, in words. */
export const AGENT_WORDS: Readonly<Record<string, string>> = {
  'has-agent': 'Have it',
  'no-agent': 'Hosts without it',
  'no-host': 'Not in Fleet yet',
  'not-a-mac': 'No Macs',
  'not-enrolled': 'Not enrolled any more',
  'blocked-at-source': 'Blocked at the old server',
};
