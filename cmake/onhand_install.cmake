# What `cmake --install` puts where. The program, libonhand with its public
# headers and its pkg-config file, the service, the documents.

configure_file(${CMAKE_CURRENT_LIST_DIR}/onhand.pc.in ${PROJECT_BINARY_DIR}/onhand.pc @ONLY)

install(TARGETS onhand RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
install(FILES ${ONHAND_LIBRARY} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/onhand
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    COMPONENT library
    FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_BINARY_DIR}/onhand.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT library)
install(FILES ${PROJECT_SOURCE_DIR}/deploy/onhand.service
    DESTINATION lib/systemd/system
    COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/deploy/onhand.ini.example ${PROJECT_SOURCE_DIR}/docs/openapi.yaml
    DESTINATION ${CMAKE_INSTALL_DOCDIR}
    COMPONENT program)
