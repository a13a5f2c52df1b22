/** MDM commands as Fleet's API lists them: an answered one proves that its device talks to Fleet. */
import { apiList, apiText, apiTime, type FleetApi } from './api-client';

/** One command for one device. */
export interface ApiCommand {
  readonly udid: string;
  readonly commandUuid: string;
  readonly requestType: string | null;
  /** Acknowledged, Error, NotNow, Pending, as sent. */
  readonly status: string;
  /** Of the answer; for a pending command, of its being queued. */
  readonly updatedAt: number | null;
}

/** Statuses a device itself gives. */
const ANSWERS = new Set(['acknowledged', 'error', 'notnow', 'commandformaterror']);

/** True when the device has answered it, in whatever way. */
export function isAnswered({ status }: ApiCommand): boolean {
  return ANSWERS.has(status.toLowerCase());
}

const PATHS = ['/commands', '/mdm/commands', '/mdm/apple/commands'];

/**
 * One page of the commands of all devices, or of one, newest first. Null when this Fleet has no such list.
 * Throws as `FleetApi.get`.
 */
export async function listCommands(
  api: FleetApi,
  { page, perPage = 500, udid }: { page: number; perPage?: number; udid?: string },
): Promise<ApiCommand[] | null> {
  const body = await api.get(
    PATHS,
    { order_key: 'updated_at', order_direction: 'desc', page, per_page: perPage, host_identifier: udid },
    'list commands',
  );
  if (body === null) return null;
  return apiList(body['results']).flatMap((raw) => {
    const id = apiText(raw['host_uuid']) ?? apiText(raw['device_id']);
    const commandUuid = apiText(raw['command_uuid']);
    if (id === null || commandUuid === null) return [];
    return {
      udid: id,
      commandUuid,
      requestType: apiText(raw['request_type']),
      status: apiText(raw['status']) ?? '',
      updatedAt: apiTime(raw['updated_at']),
    };
  });
}
