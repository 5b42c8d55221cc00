// MULTI, EXEC and DISCARD: several commands in one turn of the loop, so that no other client and no message of the mesh
// comes between them, and one commit makes them durable. As in Redis, a command that fails does not undo the others.

#include "app/commands/commands.h"

namespace meshdict::commands {

void multi(RespSession& session, Arguments) {
  if (session.in_transaction()) {
    session.reply().error("ERR MULTI calls can not be nested");
    return;
  }
  session.begin_transaction();
  session.reply().simple("OK");
}

void exec(RespSession& session, Arguments) {
  if (!session.in_transaction()) {
    session.reply().error("ERR EXEC without MULTI");
    return;
  }
  const Transaction transaction = session.end_transaction();
  if (transaction.spoiled()) {
    session.reply().error("EXECABORT Transaction discarded because of previous errors.");
    return;
  }
  session.reply().array(transaction.commands().size());
  session.run_transaction(transaction);
}

void discard(RespSession& session, Arguments) {
  if (!session.in_transaction()) {
    session.reply().error("ERR DISCARD without MULTI");
    return;
  }
  session.end_transaction();
  session.reply().simple("OK");
}

void watch(RespSession& session, Arguments) {
  session.reply().error(
      "ERR WATCH is not available: EXEC has no condition here. A key that this node holds is written by no other node "
      "meanwhile (LEASE key); SET key value NX sets only a key that is not there");
}

}  // namespace meshdict::commands
