/** Answers questions about a node's fleet: those to a registrar, and those to any member. */
import type { NodeApi } from '../api.ts'
import { RequestError } from '../errors.ts'
import { charterTextOf, termsOf } from '../membership/charter-file.ts'
import type { FleetMember } from '../membership/fleet-member.ts'
import type { Registrar } from '../membership/registrar.ts'

type FleetApi = Pick<NodeApi, Extract<keyof NodeApi, `fleet${string}`>>

export function fleetOf(fleet: FleetMember | null): FleetApi {
  return {
    fleetMembers: () => registrarOf(fleet).list(),
    fleetApprove: (peer, by) => registrarOf(fleet).approve(peer, by),
    fleetApproveWaiting: (meant, by) => registrarOf(fleet).approveWaiting(meant, by),
    fleetReject: (peer, by) => registrarOf(fleet).reject(peer, by),
    fleetRejectWaiting: (meant, by) => registrarOf(fleet).rejectWaiting(meant, by),
    fleetAdmit: (peer, owner, vehicle, by) => registrarOf(fleet).admit(peer, owner, vehicle, by),
    fleetRevoke: (id, by) => registrarOf(fleet).revoke(id, by),
    fleetClear: (owner, by) => registrarOf(fleet).clear(owner, by),
    fleetSet: (name, operatorPpm, by) => registrarOf(fleet).charters.set({ name, operatorPpm }, by),
    fleetAddRegistrar: (address, by) => registrarOf(fleet).charters.addRegistrar(address, by),
    fleetRemoveRegistrar: (address, by) => registrarOf(fleet).charters.removeRegistrar(address, by),
    fleetRotate: (finish, by) => {
      const { charters } = registrarOf(fleet)
      return finish ? charters.finishRotation(undefined, by) : charters.rotate(by)
    },
    fleetLog: (last) => registrarOf(fleet).decisions.last(last),
    fleetTerms: () => termsOf(beliefOf(fleet)),
    fleetCharter: () => charterTextOf(beliefOf(fleet)),
  }
}

/** Throws RequestError. */
export function registrarOf(fleet: FleetMember | null): Registrar {
  if (fleet?.registrar != null) return fleet.registrar
  throw new RequestError('this node is not a registrar; start it with --fleet <file> --fleet-key <file>')
}

/** Throws RequestError. */
function beliefOf(fleet: FleetMember | null): FleetMember['belief'] {
  if (fleet !== null) return fleet.belief
  throw new RequestError('this node is in no fleet; start it with --fleet <file>')
}
