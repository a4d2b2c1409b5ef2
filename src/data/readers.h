// The data formats that open_data() chooses from. Each throws what open_data() throws.
#pragma once
#include "data/dataset.h"

namespace subbyte {

DataSource open_idx(const DataOptions& options);      ///< fashion-mnist, mnist
DataSource open_cifar(const DataOptions& options);    ///< cifar10, cifar100
DataSource open_images(const DataOptions& options);   ///< images

/// options.dir, which must be set and exist. Throws UsageError where it is empty, Error where nothing is there.
std::string require_dir(const DataOptions& options, const std::string& content);

}  // namespace subbyte
