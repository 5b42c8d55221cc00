"""A lock with a fence, by any client library of Redis; here redis-py.

    lock = Lock(redis.Redis(port=6480), "locks:report")
    if lock.acquire(timeout=10):
        try:
            storage.write(report, fence=lock.fence)   # which refuses a smaller fence than the largest that it has seen
            lock.renew()                              # well before --lease-seconds are over; False: it is not ours any more
        finally:
            lock.release()

The lock is the key's lease. It is held by one node; of the programs that use this node, by the one whose token is the value. A program
that dies keeps it until the lease has lapsed, since nobody renews it.

No lock of any kind keeps two programs apart where one of them was frozen, or is cut off from the mesh and does not know yet. So give
the fence to what you protect: it grows with every holder, and compares as text.
"""

import time
import uuid

import redis


class Lock:
    def __init__(self, client, key):
        self._client = client
        self._key = key
        self._token = uuid.uuid4().hex.encode()
        self.fence = None

    def acquire(self, timeout=0.0, settled=True):
        """Whether it is ours. `settled`: waits until the mesh has seen no other claim for twice the settle time, as two nodes may claim a free
        key at the same moment, and one of them loses it then."""
        deadline = time.monotonic() + timeout
        while not self._claim():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        while settled and self._lease()["state"] == b"tentative":
            time.sleep(0.05)
        return self._look()

    def renew(self):
        """Begins the lease anew. False: the lock is another's, or nobody's."""
        for _ in range(2):
            if self.fence is None:
                return False
            if self._write(self._token, "IFFENCE", self.fence):
                return True
            # A claim that has met a rival gets a new fence and stays ours.
            self._look()
        return False

    def release(self):
        # Renewed, it cannot become another's between the look and the deletion.
        if self.renew():
            self._client.delete(self._key)
        self.fence = None

    def _claim(self):
        if self._write(self._token, "NX"):
            return True
        lease = self._lease()
        # One whose lease has lapsed stays until somebody takes it: the first who names its fence.
        return bool(lease) and not lease["held"] and self._write(self._token, "IFFENCE", lease["fence"])

    def _write(self, value, *condition):
        try:
            return self._client.execute_command("SET", self._key, value, *condition) is not None
        except redis.ResponseError as error:
            if str(error).startswith("LEASED"):
                return False
            raise

    def _lease(self):
        fields = self._client.execute_command("LEASE", self._key)
        return {fields[i].decode(): fields[i + 1] for i in range(0, len(fields), 2)} if fields else None

    def _look(self):
        """Takes note of the fence, if the lock is ours."""
        lease = self._lease()
        ours = bool(lease) and bool(lease["ours"]) and bool(lease["held"]) and self._client.get(self._key) == self._token
        self.fence = lease["fence"].decode() if ours else None
        return ours
