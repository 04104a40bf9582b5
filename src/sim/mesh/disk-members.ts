import type { MemberStore, SavedMembers } from '../../ports/mesh.js';
import type { Host } from '../engine/host.js';

export const MEMBERS_FILE = '/var/lib/minuteman/members.json';

/** What a daemon remembers of the mesh, on its host's disk; gone when that is wiped. */
export class DiskMembers implements MemberStore {
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  load(): SavedMembers | undefined {
    const content = this.host.disk.get(MEMBERS_FILE);
    return content && (JSON.parse(new TextDecoder().decode(content)) as SavedMembers);
  }

  save(members: SavedMembers): void {
    if (this.host.diskReadOnly > 0) return;
    this.host.disk.set(MEMBERS_FILE, new TextEncoder().encode(JSON.stringify(members)));
  }
}
