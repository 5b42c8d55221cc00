#include "proptests/store/faulty_disk.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

namespace meshdict {

/// As SQLite sees an open file; the real one lies behind it.
struct FaultyDisk::File : sqlite3_file {
  FaultyDisk* disk;
  /// SQLite's, valid while the file is open; null: a temporary file.
  const char* name;
  sqlite3_file* real;
};

FaultyDisk::FaultyDisk() : real_(sqlite3_vfs_find("unix-excl")), vfs_(*real_) {
  // Under the same name, and found first.
  vfs_.pAppData = this;
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
  vfs_.xOpen = open;
  vfs_.xDelete = remove;
  sqlite3_vfs_register(&vfs_, 1);
}

FaultyDisk::~FaultyDisk() {
  sqlite3_vfs_unregister(&vfs_);
}

void FaultyDisk::settle(const std::filesystem::path& directory) {
  const std::lock_guard lock(mutex_);
  contents_.clear();
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream file(entry.path(), std::ios::binary);
    contents_[entry.path().string()].synced.assign(std::istreambuf_iterator<char>(file), {});
  }
}

void FaultyDisk::power_failure(const std::filesystem::path& from, const std::filesystem::path& to, const Fate& fate) {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, content] : contents_) {
    const std::filesystem::path path(name);
    if (path.parent_path() != from) continue;
    std::string left = content.synced;
    for (const Write& write : content.unsynced)
      apply(left, write, fate(write.bytes.size()));
    std::ofstream(to / path.filename(), std::ios::binary) << left;
  }
}

void FaultyDisk::apply(std::string& content, const Write& write, std::size_t bytes) {
  if (write.truncates) {
    content.resize(std::min(content.size(), write.at));
  } else if (bytes > 0) {
    content.resize(std::max(content.size(), write.at + bytes));
    content.replace(write.at, bytes, write.bytes, 0, bytes);
  }
}

void FaultyDisk::note(const char* name, Write write) {
  if (name == nullptr) return;
  const std::lock_guard lock(mutex_);
  contents_[name].unsynced.push_back(std::move(write));
}

int FaultyDisk::open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* made = static_cast<File*>(file);
  made->disk = &of(vfs);
  made->name = name;
  made->real = reinterpret_cast<sqlite3_file*>(made + 1);
  made->pMethods = nullptr;
  const int code = of(vfs).real_->xOpen(of(vfs).real_, name, made->real, flags, out_flags);
  if (made->real->pMethods != nullptr) made->pMethods = &methods();
  return code;
}

int FaultyDisk::remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  FaultyDisk& disk = of(vfs);
  {
    const std::lock_guard lock(disk.mutex_);
    disk.contents_.erase(name);
  }
  return disk.real_->xDelete(disk.real_, name, sync_directory);
}

int FaultyDisk::write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
  const auto* self = static_cast<File*>(file);
  FaultyDisk& disk = *self->disk;
  if (disk.writes_until_full == 0) return SQLITE_FULL;
  if (disk.writes_until_full > 0) --disk.writes_until_full;
  std::string copy(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
  disk.note(self->name, {static_cast<std::size_t>(at), std::move(copy), false});
  return self->real->pMethods->xWrite(self->real, bytes, size, at);
}

int FaultyDisk::truncate(sqlite3_file* file, sqlite3_int64 size) {
  const auto* self = static_cast<File*>(file);
  self->disk->note(self->name, {static_cast<std::size_t>(size), {}, true});
  return self->real->pMethods->xTruncate(self->real, size);
}

/// The real disk is not bothered: what it would keep is known here.
int FaultyDisk::sync(sqlite3_file* file, int /*flags*/) {
  const auto* self = static_cast<File*>(file);
  if (self->disk->syncs_fail) return SQLITE_IOERR_FSYNC;
  if (self->name == nullptr) return SQLITE_OK;
  const std::lock_guard lock(self->disk->mutex_);
  Content& content = self->disk->contents_[self->name];
  for (const Write& write : content.unsynced)
    apply(content.synced, write, write.bytes.size());
  content.unsynced.clear();
  return SQLITE_OK;
}

const sqlite3_io_methods& FaultyDisk::methods() {
  static constexpr auto kReal = [](sqlite3_file* file) { return static_cast<File*>(file)->real; };
  static const sqlite3_io_methods kMethods{
      .iVersion = 2,
      .xClose = [](sqlite3_file* file) { return kReal(file)->pMethods->xClose(kReal(file)); },
      .xRead = [](sqlite3_file* file, void* bytes, int size,
                  sqlite3_int64 at) { return kReal(file)->pMethods->xRead(kReal(file), bytes, size, at); },
      .xWrite = write,
      .xTruncate = truncate,
      .xSync = sync,
      .xFileSize = [](sqlite3_file* file,
                      sqlite3_int64* size) { return kReal(file)->pMethods->xFileSize(kReal(file), size); },
      .xLock = [](sqlite3_file* file, int level) { return kReal(file)->pMethods->xLock(kReal(file), level); },
      .xUnlock = [](sqlite3_file* file, int level) { return kReal(file)->pMethods->xUnlock(kReal(file), level); },
      .xCheckReservedLock = [](sqlite3_file* file,
                               int* held) { return kReal(file)->pMethods->xCheckReservedLock(kReal(file), held); },
      .xFileControl = [](sqlite3_file* file, int verb,
                         void* data) { return kReal(file)->pMethods->xFileControl(kReal(file), verb, data); },
      .xSectorSize = [](sqlite3_file* file) { return kReal(file)->pMethods->xSectorSize(kReal(file)); },
      .xDeviceCharacteristics =
          [](sqlite3_file* file) { return kReal(file)->pMethods->xDeviceCharacteristics(kReal(file)); },
      .xShmMap = [](sqlite3_file* file, int page, int size, int extend,
                    void volatile** at) { return kReal(file)->pMethods->xShmMap(kReal(file), page, size, extend, at); },
      .xShmLock = [](sqlite3_file* file, int offset, int count,
                     int flags) { return kReal(file)->pMethods->xShmLock(kReal(file), offset, count, flags); },
      .xShmBarrier = [](sqlite3_file* file) { kReal(file)->pMethods->xShmBarrier(kReal(file)); },
      .xShmUnmap = [](sqlite3_file* file,
                      int remove_it) { return kReal(file)->pMethods->xShmUnmap(kReal(file), remove_it); },
      .xFetch = nullptr,
      .xUnfetch = nullptr};
  return kMethods;
}

}  // namespace meshdict
